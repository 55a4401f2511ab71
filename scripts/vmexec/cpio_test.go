package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An unpacked is an entry of an archive as the kernel reads it.
type unpacked struct {
	name, content string
	mode          uint64
}

// unpackAll reads an archive as do_header, do_name and do_copy do (init/initramfs.c,
// Linux 5.10 to 7.3).
func unpackAll(t *testing.T, data []byte) []unpacked {
	t.Helper()
	var all []unpacked
	for {
		require.Zero(t, len(data)%4)
		require.Equal(t, "070701", string(data[:6]))
		var fields [13]uint64
		for i := range fields {
			var err error
			fields[i], err = strconv.ParseUint(string(data[6+8*i:14+8*i]), 16, 32)
			require.NoError(t, err)
		}
		size, length := fields[6], fields[11]
		name := string(data[110 : 110+length-1])
		require.Zero(t, data[110+length-1])
		at := (110 + length + 3) &^ 3
		if name == trailer {
			return all
		}
		all = append(all, unpacked{name, string(data[at : at+size]), fields[1]})
		data = data[(at+size+3)&^3:]
	}
}

func TestArchive(t *testing.T) {
	var out bytes.Buffer
	a := newArchive(&out)
	require.NoError(t, a.data("/a/b/c", 0o755, strings.NewReader("hello"), 5))
	require.NoError(t, a.data("/a/b/c", 0o755, strings.NewReader("twice"), 5))
	require.NoError(t, a.dir("/a/b"))
	require.NoError(t, a.dir("/tmp"))
	require.NoError(t, a.link("/a/l", strings.NewReader("b/c"), 3))
	require.NoError(t, a.close())
	assert.Equal(t, []unpacked{
		{"a", "", 0o040755}, {"a/b", "", 0o040755}, {"a/b/c", "hello", 0o100755}, {"tmp", "", 0o040755}, {"a/l", "b/c", 0o120777},
	}, unpackAll(t, out.Bytes()))
}

// A file that ends before it should is no file of the guest.
func TestArchiveShort(t *testing.T) {
	a := newArchive(&bytes.Buffer{})
	require.Error(t, a.data("/a", 0o644, strings.NewReader("hell"), 5))
}

// What is packed from the host is found at the same path, links and directories that
// are links included, however many a path has.
func TestSame(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "usr/lib"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "usr/lib/x.so.1"), []byte("x"), 0o644))
	require.NoError(t, os.Symlink("x.so.1", filepath.Join(dir, "usr/lib/x.so")))
	require.NoError(t, os.Symlink("usr/lib", filepath.Join(dir, "lib")))
	require.NoError(t, os.Symlink("/nowhere", filepath.Join(dir, "dangling")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "home"), 0o755))
	require.NoError(t, os.Symlink("../usr", filepath.Join(dir, "home/first")))
	require.NoError(t, os.Symlink("lib", filepath.Join(dir, "usr/second")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "usr/lib/own"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "usr/lib/own/my.conf"), []byte("y"), 0o644))
	var out bytes.Buffer
	a := newArchive(&out)
	require.NoError(t, a.same(filepath.Join(dir, "lib/x.so")))
	require.NoError(t, a.same(filepath.Join(dir, "dangling")))
	require.NoError(t, a.same(filepath.Join(dir, "home/first/second/own/my.conf")))
	require.NoError(t, a.close())
	names := map[string]string{}
	for _, entry := range unpackAll(t, out.Bytes()) {
		if name, inside := strings.CutPrefix("/"+entry.name, dir+"/"); inside {
			names[name] = entry.content
		}
	}
	assert.Equal(t, map[string]string{
		"lib": filepath.Join(dir, "usr/lib"), "usr": "", "usr/lib": "", "usr/lib/x.so": "x.so.1", "usr/lib/x.so.1": "x", "dangling": "/nowhere",
		"home": "", "home/first": filepath.Join(dir, "usr"), "usr/second": filepath.Join(dir, "usr/lib"), "usr/lib/own": "", "usr/lib/own/my.conf": "y",
	}, names)
}

func TestListed(t *testing.T) {
	const text = "\tlinux-vdso.so.1 (0x7fff)\n\tlibmnl.so.0 => /lib/libmnl.so.0 (0x7f)\n\tlibgone.so => not found\n\t/lib64/ld.so (0x7f)\n"
	assert.Equal(t, []string{"/lib/libmnl.so.0"}, listed(text))
}
