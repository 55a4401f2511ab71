package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// write makes files below a directory, empty ones.
func write(t *testing.T, root string, names ...string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, nil, 0o600))
	}
}

// The places of Debian's packages: 5.10 and 6.1, 6.12, 7.x.
var placesOfKernels = map[string][]string{
	"5.10.0-46-cloud-amd64":        {"boot/vmlinuz-5.10.0-46-cloud-amd64", "boot/config-5.10.0-46-cloud-amd64", "lib/modules/5.10.0-46-cloud-amd64/kernel/net/x.ko"},
	"6.12.117+deb13-cloud-amd64":   {"boot/vmlinuz-6.12.117+deb13-cloud-amd64", "boot/config-6.12.117+deb13-cloud-amd64", "usr/lib/modules/6.12.117+deb13-cloud-amd64/kernel/net/x.ko.xz"},
	"7.3.4+deb13-cloud-amd64":      {"usr/lib/modules/7.3.4+deb13-cloud-amd64/vmlinuz", "usr/lib/modules/7.3.4+deb13-cloud-amd64/config", "usr/lib/modules/7.3.4+deb13-cloud-amd64/kernel/net/x.ko.xz"},
	"6.18.0-without-configuration": {"boot/vmlinuz-6.18.0-without-configuration", "lib/modules/6.18.0-without-configuration/kernel/net/x.ko.zst"},
}

func TestFindKernel(t *testing.T) {
	for release, places := range placesOfKernels {
		root := t.TempDir()
		write(t, root, places...)
		k, err := findKernel(root)
		require.NoError(t, err, release)
		assert.Equal(t, release, k.release)
		assert.Equal(t, filepath.Join(root, places[0]), k.vmlinuz)
		assert.DirExists(t, filepath.Join(k.modules, "kernel"))
		assert.Equal(t, len(places) == 3, k.config != "")
	}
}

func TestFindNoKernel(t *testing.T) {
	for want, places := range map[string][]string{
		"no kernel is in":      {"lib/modules/6.1/kernel/x.ko"},
		"2 kernels are in":     {"boot/vmlinuz-1", "boot/vmlinuz-2"},
		"linux-modules-7.3 ma": {"usr/lib/modules/7.3/vmlinuz"},
	} {
		root := t.TempDir()
		write(t, root, places...)
		_, err := findKernel(root)
		assert.ErrorContains(t, err, want)
	}
}

// makeDeb makes a package with the files.
func makeDeb(t *testing.T, name string, files ...string) string {
	t.Helper()
	root, path := t.TempDir(), filepath.Join(t.TempDir(), name+".deb")
	write(t, root, files...)
	require.NoError(t, os.Chmod(root, 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(root, "DEBIAN"), 0o755))
	control := "Package: " + name + "\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: none\n"
	require.NoError(t, os.WriteFile(filepath.Join(root, "DEBIAN", "control"), []byte(control), 0o644))
	_, err := output(t.Context(), "", "dpkg-deb", "-Znone", "--build", "--root-owner-group", root, path)
	require.NoError(t, err)
	return path
}

func TestGetFiles(t *testing.T) {
	requireProgram(t, "dpkg-deb")
	for release, places := range placesOfKernels {
		binary, modules := makeDeb(t, "binary", places[:len(places)-1]...), makeDeb(t, "modules", places[len(places)-1])
		cache := t.TempDir()
		for range 2 { // again as from the start
			var out bytes.Buffer
			require.NoError(t, run(t.Context(), []string{"-cache", cache, "get", binary, modules}, &out, io.Discard))
			dir := filepath.Join(cache, "deb-"+release)
			assert.Equal(t, "-kernel qemu:"+dir+"/vmlinuz -modules "+dir+"/modules/"+release+"\n", out.String())
			info, err := os.Stat(filepath.Join(dir, "vmlinuz"))
			require.NoError(t, err)
			assert.Equal(t, os.FileMode(0o644), info.Mode())
			require.NoError(t, verifySums(dir))
			assert.FileExists(t, binary)
			assert.NoDirExists(t, filepath.Join(dir, "unpacked"))
		}
	}
}

func TestGetFilesThatHaveNoKernel(t *testing.T) {
	requireProgram(t, "dpkg-deb")
	cache, dir := t.TempDir(), t.TempDir()
	write(t, dir, "none.deb", "none.rpm")
	for file, want := range map[string]string{
		makeDeb(t, "documents", "usr/share/doc/x"): "no kernel is in these packages",
		filepath.Join(dir, "none.deb"):             "unpacking none.deb: dpkg-deb: ",
		filepath.Join(dir, "none.rpm"):             "neither debian:VERSION nor a .deb file",
		filepath.Join(dir, "missing.deb"):          "no such file",
	} {
		err := run(t.Context(), []string{"-cache", cache, "get", file}, io.Discard, io.Discard)
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "\n")
	}
	left, err := os.ReadDir(cache)
	require.NoError(t, err)
	assert.Len(t, left, 1, "but the lock")
}

func TestCommandLinesThatAskForNothing(t *testing.T) {
	cache := t.TempDir()
	for _, args := range [][]string{{}, {"list", "x"}, {"get"}, {"uml"}, {"uml", "6.12", "6.1"}, {"uml", "6.12", "-hz", "x"}, {"fetch"}, {"-x"}} {
		assert.ErrorIs(t, run(t.Context(), append([]string{"-cache", cache}, args...), io.Discard, io.Discard), errUsage, args)
	}
	for _, hz := range []string{"99", "1001", "-1"} {
		assert.ErrorContains(t, run(t.Context(), []string{"-cache", cache, "uml", "6.12", "-hz", hz}, io.Discard, io.Discard), "want 100 to 1000")
	}
}
