package uml

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Fragment is what is configured besides ARCH=um's defaults.
//
//go:embed uml.fragment
var Fragment string

const configuring = "configuring"

// kconfigName is the file below Tree.Build that stands for the source's Kconfig.
const kconfigName = "Kconfig.finwait"

// needed is what the cases cannot do without; other lines of Fragment are for
// some releases only.
var needed = []string{
	"UML_TIME_TRAVEL_SUPPORT", "HOSTFS", "BLK_DEV_INITRD", "NET_NS", "VETH", "IPV6",
	"INET_TCP_DIAG", "INET_DIAG_DESTROY", "PACKET", "IP_NF_FILTER", "IP6_NF_FILTER", "NFT_COMPAT",
}

// configure makes the configuration if there is none of this Fragment and HZ yet.
func (t Tree) configure(ctx context.Context, log io.Writer) error {
	kconfig, err := t.kconfig()
	if err != nil {
		return err
	}
	changed, err := t.update(kconfigName, kconfig)
	if err != nil {
		return err
	}
	other, err := t.update("uml.fragment", Fragment)
	if err != nil {
		return err
	}
	config := t.config()
	if _, err := os.Stat(config); !changed && !other && err == nil {
		return nil
	}
	if err := t.make(ctx, log, configuring, "defconfig"); err != nil {
		return err
	}
	if err := appendTo(config, Fragment); err != nil {
		return err
	}
	return t.make(ctx, log, configuring, "olddefconfig")
}

func (t Tree) config() string { return filepath.Join(t.Build, ".config") }

// verify is an error if the configuration is not what the cases need.
func (t Tree) verify() error {
	text, err := os.ReadFile(t.config())
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	if lacking := lacking(text, t.HZ); len(lacking) > 0 {
		return &BuildError{Step: configuring, Err: fmt.Errorf("this source cannot have %s", strings.Join(lacking, ", "))}
	}
	return nil
}

// kconfig is the source's Kconfig with HZ defined at its beginning: of a symbol
// without a prompt the first default counts, and arch/um says 100 later on.
func (t Tree) kconfig() (string, error) {
	text, err := os.ReadFile(filepath.Join(t.Source, "Kconfig"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%s is no source of Linux: it has no Kconfig", t.Source)
	case err != nil:
		return "", fmt.Errorf("reading the source's Kconfig: %w", err)
	}
	return withHZ(string(text), t.HZ)
}

// withHZ puts the definition behind the line of mainmenu, which must be first.
func withHZ(kconfig string, hz int) (string, error) {
	var b strings.Builder
	menus := 0
	for line := range strings.Lines(kconfig) {
		b.WriteString(line)
		if strings.HasPrefix(line, "mainmenu ") {
			menus++
			fmt.Fprintf(&b, "\nconfig HZ\n\tint\n\tdefault %d\n", hz)
		}
	}
	if menus != 1 {
		return "", fmt.Errorf("the source's Kconfig has %d lines of mainmenu, want one", menus)
	}
	return b.String(), nil
}

// update writes a file below Build if its text is another one, and says whether it was.
func (t Tree) update(name, text string) (changed bool, err error) {
	path := filepath.Join(t.Build, name)
	if old, err := os.ReadFile(path); err == nil && string(old) == text {
		return false, nil
	}
	if err := os.MkdirAll(t.Build, 0o755); err != nil {
		return false, fmt.Errorf("making the build directory: %w", err)
	}
	// Whoever is interrupted before .config is whole shall start with it again.
	if err := os.Remove(t.config()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("removing the former configuration: %w", err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return false, fmt.Errorf("preparing the configuration: %w", err)
	}
	return true, nil
}

func appendTo(path, text string) (err error) {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("adding to the configuration: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.WriteString(text); err != nil {
		return fmt.Errorf("adding to the configuration: %w", err)
	}
	return nil
}

// lacking are the needed symbols that a configuration does not build in, and HZ if it
// is another one.
func lacking(config []byte, hz int) []string {
	var none []string
	if want := fmt.Sprintf("HZ=%d", hz); !bytes.Contains(config, []byte("\nCONFIG_"+want+"\n")) {
		none = append(none, want)
	}
	for _, symbol := range needed {
		if !bytes.Contains(config, []byte("\nCONFIG_"+symbol+"=y\n")) {
			none = append(none, symbol)
		}
	}
	return none
}
