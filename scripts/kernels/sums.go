package main

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// sumsName is a file that sha256sum -c reads, too.
const sumsName = "SHA256SUMS"

// unsummed is what an entry has that is worked in: uml.In.
const unsummed = "source"

// writeSums writes the checksums of an entry's files.
func writeSums(dir string) error {
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		switch {
		case err != nil:
			return err
		case name == unsummed:
			return fs.SkipDir
		case !entry.Type().IsRegular() || name == sumsName:
			return nil
		}
		sum, err := sumOf(path)
		fmt.Fprintf(&b, "%s  %s\n", sum, name)
		return err
	})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, sumsName), []byte(b.String()), 0o644)
	}
	if err != nil {
		return fmt.Errorf("writing checksums: %w", err)
	}
	return nil
}

// verifySums is an error unless all files of an entry are as they were stored.
// Others may have come since.
func verifySums(dir string) (err error) {
	file, err := os.Open(filepath.Join(dir, sumsName))
	if err != nil {
		return fmt.Errorf("reading checksums: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	lines := bufio.NewScanner(file)
	count := 0
	for lines.Scan() {
		want, name, ok := strings.Cut(lines.Text(), "  ")
		if !ok || !filepath.IsLocal(name) {
			return fmt.Errorf("%s has a line that is none: %q", file.Name(), lines.Text())
		}
		sum, err := sumOf(filepath.Join(dir, name))
		switch {
		case err != nil:
			return fmt.Errorf("verifying checksums: %w", err)
		case sum != want:
			return fmt.Errorf("%s is not what was stored", filepath.Join(dir, name))
		}
		count++
	}
	if count == 0 && lines.Err() == nil {
		return fmt.Errorf("%s is empty", file.Name())
	}
	return lines.Err()
}

func sumOf(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", hash.Sum(nil)), nil
}
