package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
)

// list prints what is there, and then what can be had.
func list(ctx context.Context, s *store, out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintf(table, "in %s:\n", s.dir)
	names, err := s.entries()
	if err != nil {
		return err
	}
	var damaged error
	for _, name := range names {
		dir, _, err := s.find(name)
		if err == nil {
			var release string
			if release, err = readVersion(dir); err == nil {
				fmt.Fprintf(table, "  %s\t%s\n", name, release)
			}
		}
		damaged = errors.Join(damaged, err)
	}
	if len(names) == 0 {
		fmt.Fprintln(table, "  nothing yet")
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return errors.Join(damaged, listOffers(ctx, s, out))
}

// listOffers prints what Debian has, for get and for uml.
func listOffers(ctx context.Context, s *store, out io.Writer) error {
	a, err := openApt(ctx, s)
	if err != nil {
		return err
	}
	for _, of := range []struct{ name, title, prefix string }{
		{image, "stock kernels, for get:", "debian:"},
		{sourcePackage, "sources, for uml:", ""},
	} {
		offers, err := a.offers(ctx, of.name)
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
		fmt.Fprintln(table, of.title)
		for _, n := range named(offers) {
			fmt.Fprintf(table, "  %s%s\t%s\t%s\n", of.prefix, n.name, n.version, n.suite)
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	return nil
}
