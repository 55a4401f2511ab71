package main

import (
	"context"
	"fmt"
	"path/filepath"
)

// flavour is of the kernels that are made for guests: no firmware, few drivers.
const flavour = "-cloud-" + arch

// image is the package that depends on a suite's newest kernel of the flavour.
const image = "linux-image" + flavour

// kernelBytes is what a kernel needs of the disk while it is unpacked: packages of
// 21 to 51 MB, and up to 110 MB of modules.
const kernelBytes = 400 << 20

// getDebian gets a stock kernel of Debian: newest, 6.12 or 6.12.95.
func getDebian(ctx context.Context, s *store, want string) (dir string, err error) {
	if err := checkAsked(want); err != nil {
		return "", err
	}
	name := "debian-" + want
	if want != newest { // which is another one tomorrow
		if dir, there, err := s.find(name); there {
			return dir, err
		}
	}
	a, err := openApt(ctx, s)
	if err != nil {
		return "", err
	}
	offers, err := a.offers(ctx, image)
	if err != nil {
		return "", err
	}
	chosen, err := choose(offers, want)
	if err != nil {
		return "", err
	}
	if want == newest {
		name = "debian-" + chosen.series()
		if dir, there, err := s.find(name); there {
			return dir, err
		}
	}
	packages, err := a.closure(ctx, image, chosen.version)
	if err != nil {
		return "", err
	}
	s.say("getting Linux %s of %s", chosen.version, chosen.suite)
	return s.make(ctx, name, kernelBytes, false, func(dir string) error {
		if err := a.download(ctx, dir, packages...); err != nil {
			return err
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.deb"))
		if err != nil {
			return fmt.Errorf("looking for what was downloaded: %w", err)
		}
		return install(ctx, dir, files)
	})
}
