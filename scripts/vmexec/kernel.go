package main

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A kernel is what a guest is started with.
type kernel struct {
	image   string // absolute
	modules string // a directory; empty if there is none
	// emulator runs the image; empty for User Mode Linux, which is a program itself.
	emulator string
}

func (k kernel) uml() bool { return k.emulator == "" }

// findKernel checks that name is a kernel that can be run here: a wrong file would
// boot for ever, or say something that nobody understands.
func findKernel(name, modules string) (kernel, error) {
	kind, path, _ := strings.Cut(name, ":")
	if path == "" || kind != "qemu" && kind != "uml" {
		return kernel{}, fmt.Errorf("-kernel=%q: it takes qemu:VMLINUZ or uml:LINUX", name)
	}
	image, err := filepath.Abs(path)
	if err != nil {
		return kernel{}, err
	}
	k := kernel{image: image, modules: modules}
	if kind == "uml" {
		if modules != "" {
			return kernel{}, errors.New("-modules is for qemu: a User Mode Linux must have all it needs built in")
		}
		return k, checkUML(image)
	}
	if err := checkBoots(image); err != nil {
		return kernel{}, err
	}
	if info, err := os.Stat(modules); modules != "" && (err != nil || !info.IsDir()) {
		return kernel{}, fmt.Errorf("-modules=%s is no directory", modules)
	}
	if k.emulator, err = exec.LookPath("qemu-system-x86_64"); err != nil {
		return kernel{}, fmt.Errorf("%w: install QEMU: apt-get install qemu-system-x86 (Debian, Ubuntu), or run a User Mode Linux with -kernel uml:LINUX", err)
	}
	return k, nil
}

// checkBoots looks for the header that a boot loader needs
// (Documentation/arch/x86/boot.rst, "HdrS").
func checkBoots(image string) error {
	file, err := os.Open(image)
	if err != nil {
		return fmt.Errorf("reading the kernel: %w", err)
	}
	defer file.Close()
	magic := make([]byte, 4)
	if _, err := file.ReadAt(magic, 0x202); err != nil || !bytes.Equal(magic, []byte("HdrS")) {
		return fmt.Errorf("%s is no kernel for x86: it takes a bzImage, as in /boot/vmlinuz", image)
	}
	return nil
}

// checkUML looks for the table of command line options that every User Mode Linux
// has (arch/um/include/asm/common.lds.S).
func checkUML(image string) error {
	file, err := os.Open(image)
	if err != nil {
		return fmt.Errorf("reading the kernel: %w", err)
	}
	defer file.Close()
	program, err := elf.NewFile(file)
	if err != nil || program.Section(".uml.setup.init") == nil {
		return fmt.Errorf("%s is no User Mode Linux: it takes the program linux that ARCH=um builds", image)
	}
	info, err := file.Stat()
	if err == nil && info.Mode()&0o111 == 0 {
		err = fmt.Errorf("%s is not executable", image)
	}
	return err
}
