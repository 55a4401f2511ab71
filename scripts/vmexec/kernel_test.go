package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// bzImage is as much of a kernel for x86 as is looked at.
func bzImage() []byte { return append(make([]byte, 0x202), "HdrS"...) }

// program is an ELF file with one section, besides that of names.
func program(t *testing.T, section string) []byte {
	t.Helper()
	names := "\x00" + section + "\x00.shstrtab\x00"
	head := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: uint32(elf.EV_CURRENT),
		Ehsize: 64, Shentsize: 64, Shnum: 3, Shstrndx: 2, Shoff: 64,
	}
	sections := []elf.Section64{
		{},
		{Name: 1, Type: uint32(elf.SHT_PROGBITS)},
		{Name: uint32(len(section)) + 2, Type: uint32(elf.SHT_STRTAB), Off: 64 + 3*64, Size: uint64(len(names))},
	}
	var file bytes.Buffer
	require.NoError(t, binary.Write(&file, binary.LittleEndian, head))
	require.NoError(t, binary.Write(&file, binary.LittleEndian, sections))
	file.WriteString(names)
	return file.Bytes()
}

// kernels makes a directory with files that are kernels, and others.
func kernels(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, content []byte, mode os.FileMode) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, mode))
	}
	write("vmlinuz", bzImage(), 0o644)
	write("linux", program(t, ".uml.setup.init"), 0o755)
	write("linux-644", program(t, ".uml.setup.init"), 0o644)
	write("true", program(t, ".text"), 0o755)
	write("text", []byte("this is no kernel\n"), 0o755)
	write("empty", nil, 0o755)
	write("qemu-system-x86_64", nil, 0o755)
	return dir
}

// What is no kernel is refused at once, by its name and with what would be one.
func TestFindKernel(t *testing.T) {
	dir := kernels(t)
	t.Chdir(dir)
	t.Setenv("PATH", dir)
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, c := range []struct {
		name, modules string
		found         kernel
		says          string
	}{
		{name: "qemu:vmlinuz", found: kernel{image: in("vmlinuz"), emulator: in("qemu-system-x86_64")}},
		{name: "qemu:" + in("vmlinuz"), modules: dir, found: kernel{image: in("vmlinuz"), modules: dir, emulator: in("qemu-system-x86_64")}},
		{name: "uml:linux", found: kernel{image: in("linux")}},

		{name: "", says: `-kernel="": it takes qemu:VMLINUZ or uml:LINUX`},
		{name: "vmlinuz", says: `-kernel="vmlinuz": it takes qemu:VMLINUZ or uml:LINUX`},
		{name: "qemu:", says: `-kernel="qemu:": it takes`},
		{name: "kvm:vmlinuz", says: `-kernel="kvm:vmlinuz": it takes`},

		{name: "qemu:gone", says: "reading the kernel: open " + in("gone") + ": no such file or directory"},
		{name: "qemu:text", says: in("text") + " is no kernel for x86: it takes a bzImage"},
		{name: "qemu:empty", says: in("empty") + " is no kernel for x86"},
		{name: "qemu:linux", says: in("linux") + " is no kernel for x86"},
		{name: "qemu:.", says: dir + " is no kernel for x86"},
		{name: "qemu:vmlinuz", modules: "gone", says: "-modules=gone is no directory"},
		{name: "qemu:vmlinuz", modules: "text", says: "-modules=text is no directory"},

		{name: "uml:gone", says: "reading the kernel: open " + in("gone") + ": no such file or directory"},
		{name: "uml:text", says: in("text") + " is no User Mode Linux: it takes the program linux that ARCH=um builds"},
		{name: "uml:empty", says: in("empty") + " is no User Mode Linux"},
		{name: "uml:vmlinuz", says: in("vmlinuz") + " is no User Mode Linux"},
		{name: "uml:true", says: in("true") + " is no User Mode Linux"},
		{name: "uml:.", says: dir + " is no User Mode Linux"},
		{name: "uml:linux-644", says: in("linux-644") + " is not executable"},
		{name: "uml:linux", modules: dir, says: "-modules is for qemu"},
	} {
		t.Run(c.name, func(t *testing.T) {
			found, err := findKernel(c.name, c.modules)
			if c.says != "" {
				require.ErrorContains(t, err, c.says)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.found, found)
		})
	}
}

// Who cannot run a kernel is told why in one line, at once.
func TestRefusesKernel(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	dir := kernels(t)
	require.NoError(t, os.Remove(filepath.Join(dir, "qemu-system-x86_64")))
	for kernel, says := range map[string]string{
		"qemu:" + dir + "/text":    "vmexec: " + dir + "/text is no kernel for x86: it takes a bzImage, as in /boot/vmlinuz\n",
		"uml:" + dir + "/true":     "vmexec: " + dir + "/true is no User Mode Linux: it takes the program linux that ARCH=um builds\n",
		"qemu:" + dir + "/vmlinuz": "vmexec: exec: \"qemu-system-x86_64\": executable file not found in $PATH: install QEMU: apt-get install qemu-system-x86 (Debian, Ubuntu), or run a User Mode Linux with -kernel uml:LINUX\n",
	} {
		command := exec.Command(self, "-kernel="+kernel, self)
		command.Env = append(os.Environ(), "PATH="+dir)
		begin := time.Now()
		out, err := command.CombinedOutput()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, "%s", out)
		assert.Equal(t, statusUsage, exit.ExitCode())
		assert.Equal(t, says, string(out))
		assert.Less(t, time.Since(begin), 10*time.Second)
	}
}
