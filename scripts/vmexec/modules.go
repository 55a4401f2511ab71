package main

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// needed are the modules that labs and iptables in both of its variants need,
// where they are not built in. A guest has no modprobe: what is not listed, nor
// what a listed one depends on, is missing.
var needed = []string{
	"veth", "af_packet", "inet_diag", "tcp_diag", "ipv6",
	"x_tables", "xt_tcpudp", "xt_comment", "xt_length",
	"ip_tables", "iptable_filter", "ip6_tables", "ip6table_filter",
	"nf_tables", "nft_compat", "nft_counter",
}

// vital are those of them without which no lab can be built or watched, whichever
// variant of iptables there is.
var vital = []string{"veth", "af_packet", "inet_diag", "tcp_diag", "x_tables"}

// unpackers are the programs that unpack modules, by how their names end.
var unpackers = map[string][]string{
	".ko": nil, ".ko.xz": {"xz", "-dc"}, ".ko.zst": {"zstd", "-dcq"}, ".ko.gz": {"gzip", "-dc"},
}

// kernelModules packs the needed modules, unpacked, and is their paths in the order
// in which to load them.
func (a *archive) kernelModules(k kernel) ([]string, error) {
	if k.modules == "" {
		return nil, nil
	}
	files, err := moduleFiles(k.modules)
	if err != nil {
		return nil, err
	}
	if err := complete(k.modules, files); err != nil {
		return nil, err
	}
	l := loader{files: files, done: map[string]bool{}}
	for _, name := range needed {
		if err := l.load(name); err != nil {
			return nil, fmt.Errorf("packing the modules below %s: %w", k.modules, err)
		}
	}
	var paths []string
	for _, m := range l.order {
		path := "/vmexec/modules/" + m.name + ".ko"
		if err := a.data(path, 0o644, bytes.NewReader(m.content), int64(len(m.content))); err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// moduleFiles are the files of the modules below a directory, by their names.
func moduleFiles(dir string) (map[string]string, error) {
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		base, extension, found := strings.Cut(filepath.Base(path), ".ko")
		if _, known := unpackers[".ko"+extension]; err == nil && found && known {
			files[moduleName(base)] = path
		}
		return err
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("there are no modules below %s: it takes lib/modules/RELEASE of the kernel's package", dir)
	}
	return files, err
}

// complete is an error that names the vital modules that are neither there nor built
// in, so that nobody has to wait for the guest to find out. What is built in stands in
// modules.builtin; where that file is missing the guest has to tell.
func complete(dir string, files map[string]string) error {
	text, err := os.ReadFile(filepath.Join(dir, "modules.builtin"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading what is built in: %w", err)
	}
	builtIn := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		builtIn[moduleName(strings.TrimSuffix(filepath.Base(strings.TrimSpace(line)), ".ko"))] = true
	}
	var missing []string
	for _, name := range vital {
		if files[name] == "" && !builtIn[name] {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("this kernel cannot run the cases: %s, which they need, is neither below %s nor built in", strings.Join(missing, ", "), dir)
	}
	return nil
}

// moduleName is the name that the kernel knows a module by.
func moduleName(file string) string { return strings.ReplaceAll(file, "-", "_") }

// A module is one to be loaded.
type module struct {
	name    string
	content []byte
}

// A loader puts modules behind those that they depend on.
type loader struct {
	files map[string]string
	done  map[string]bool
	order []module
}

// load adds a module; what has no file is built in, or the suite will miss it.
func (l *loader) load(name string) error {
	path, found := l.files[name]
	if !found || l.done[name] {
		return nil
	}
	l.done[name] = true
	content, err := unpack(path)
	if err != nil {
		return err
	}
	depends, err := dependsOn(content)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, other := range depends {
		if err := l.load(other); err != nil {
			return err
		}
	}
	l.order = append(l.order, module{name, content})
	return nil
}

// unpack reads a module. It runs the program that the host's own modules are
// unpacked with.
func unpack(path string) ([]byte, error) {
	_, extension, _ := strings.Cut(filepath.Base(path), ".ko")
	command := slices.Clone(unpackers[".ko"+extension])
	if command == nil {
		command = []string{"cat"}
	}
	out, err := exec.Command(command[0], append(command[1:], path)...).Output()
	if err != nil {
		return nil, fmt.Errorf("unpacking %s with %s: %w", path, command[0], err)
	}
	return out, nil
}

// dependsOn are the modules that one needs, as it says itself (MODULE_INFO in
// include/linux/module.h): depmod need not have been run.
func dependsOn(content []byte) ([]string, error) {
	file, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	section := file.Section(".modinfo")
	if section == nil {
		return nil, fmt.Errorf("it has no .modinfo")
	}
	info, err := section.Data()
	if err != nil {
		return nil, err
	}
	for field := range strings.SplitSeq(string(info), "\x00") {
		if list, found := strings.CutPrefix(field, "depends="); found {
			return strings.FieldsFunc(list, func(r rune) bool { return r == ',' }), nil
		}
	}
	return nil, nil
}
