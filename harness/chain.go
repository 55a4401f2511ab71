package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/coreos/go-iptables/iptables"
	"golang.org/x/sys/unix"
)

const (
	chainTable = "filter"
	chainName  = "FINWAIT"
	link       = "eth0" // a host's end of the wire
)

// A chain is where the faults of a host go: an iptables chain that INPUT and
// OUTPUT jump to, so that a freeze is one append, atomic, with one counter. It
// exists in the host's own namespace alone, and in the family of the lab, the
// only one that its connections have.
type chain struct {
	host   *Host
	tables *iptables.IPTables
	nft    bool // the rules are those of the nf_tables variant
	// faults are those whose rules are in the chain, in their order.
	faults []*Fault
}

// prepareChain makes the chain of the host with its first rule, in one go: a
// program less than if the rule came after.
func prepareChain(h *Host, first *Fault) (*chain, error) {
	tools, err := findTools()
	if err != nil {
		return nil, err
	}
	c := &chain{host: h, tables: tools.tables[h.lab.Family], nft: tools.nft[h.lab.Family], faults: []*Fault{first}}
	if err := c.do(func(*iptables.IPTables) error { return restore(tools.restore[h.lab.Family], first.rule()) }); err != nil {
		return nil, fmt.Errorf("preparing iptables on the %s: %w", h.name, err)
	}
	return c, nil
}

// restore makes the chain with the rule; all of it takes effect at once.
func restore(path string, rule []string) error {
	command := exec.Command(path, "--wait", "--noflush")
	command.Stdin = strings.NewReader(fmt.Sprintf("*%s\n:%s - [0:0]\n-A INPUT -j %[2]s\n-A OUTPUT -j %[2]s\n-A %[2]s %s\nCOMMIT\n",
		chainTable, chainName, strings.Join(rule, " ")))
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("running %s: %w: %s", path, err, out)
	}
	return nil
}

// do runs f inside the host.
func (c *chain) do(f func(*iptables.IPTables) error) error {
	return programs.run(func() error {
		return c.host.ns.Do(func() error { return f(c.tables) })
	})
}

// add appends the rule of a fault.
func (c *chain) add(f *Fault) error {
	err := c.do(func(tables *iptables.IPTables) error {
		return tables.Append(chainTable, chainName, f.rule()...)
	})
	if err == nil {
		c.faults = append(c.faults, f)
	}
	return err
}

// remove takes it out.
func (c *chain) remove(f *Fault) error {
	at := slices.Index(c.faults, f)
	if at < 0 {
		return fmt.Errorf("%s has no such rule", chainName)
	}
	err := c.do(func(tables *iptables.IPTables) error {
		return tables.DeleteById(chainTable, chainName, at+1)
	})
	if err == nil {
		c.faults = slices.Delete(c.faults, at, at+1)
	}
	return err
}

// hits is the number of packets that the fault's rule has dropped. The chain may end with
// a rule that is no fault's: of an iptables that was killed when it had put it there.
func (c *chain) hits(f *Fault) (uint64, error) {
	counts, err := c.dropped()
	if err != nil {
		return 0, err
	}
	at := slices.Index(c.faults, f)
	if at < 0 || at >= len(counts) {
		return 0, fmt.Errorf("%s has %d rules, and that of the fault is none of them", chainName, len(counts))
	}
	return counts[at], nil
}

// tools are the iptables programs of this machine.
type tools struct {
	version string // as "iptables 1.8.9 (nf_tables)"
	tables  map[Family]*iptables.IPTables
	nft     map[Family]bool   // the variant is nf_tables
	restore map[Family]string // the paths of the variants that read rules
}

// findTools finds and probes the programs once.
var findTools = sync.OnceValues(func() (tools, error) {
	found := tools{tables: map[Family]*iptables.IPTables{}, nft: map[Family]bool{}, restore: map[Family]string{}}
	spareProcs()
	if err := ownLock(); err != nil {
		return tools{}, err
	}
	for family, name := range map[Family]string{IPv4: "iptables", IPv6: "ip6tables"} {
		if !supported(family) {
			continue
		}
		path, err := lookPath(name)
		if err != nil {
			return tools{}, err
		}
		if found.restore[family], err = lookPath(name + "-restore"); err != nil {
			return tools{}, err
		}
		version, err := iptablesVersion(path)
		if err != nil {
			return tools{}, err
		}
		if family == IPv4 {
			found.version = version
		}
		found.nft[family] = strings.Contains(version, "nf_tables")
		protocol := iptables.ProtocolIPv4
		if family == IPv6 {
			protocol = iptables.ProtocolIPv6
		}
		if found.tables[family], err = iptables.New(iptables.Path(path), iptables.IPFamily(protocol)); err != nil {
			return tools{}, fmt.Errorf("probing %s: %w", path, err)
		}
	}
	return found, nil
})

// ownLock gives the legacy variant a lock of this process, in memory. It would
// otherwise create and take the machine's, /run/xtables.lock, which is not the
// lab's business and which an ordinary user may not open.
func ownLock() error {
	fd, err := unix.MemfdCreate("xtables.lock", unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("creating a lock for iptables: %w", err)
	}
	return os.Setenv("XTABLES_LOCKFILE", fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), fd))
}

// lookPath also looks where an ordinary user's PATH often does not.
func lookPath(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if path, sbinErr := exec.LookPath(filepath.Join(dir, name)); sbinErr == nil {
			return path, nil
		}
	}
	return "", err
}

// iptablesVersion asks which variant this is: nf_tables, or legacy, which
// before 1.8 says nothing of it.
func iptablesVersion(path string) (string, error) {
	out, err := exec.Command(path, "--version").CombinedOutput()
	if err != nil { // the nf_tables variant already asks the kernel then
		return "", fmt.Errorf("running %s --version: %w: %s", path, err, strings.TrimSpace(string(out)))
	}
	return strings.Replace(strings.TrimSpace(string(out)), " v", " ", 1), nil
}
