package harness

import (
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/finwait/finwait/harness/report"
	"golang.org/x/sys/unix"
)

// This file alone decides what a missing requirement means. What the whole
// suite needs fails it; what one case needs skips that case, visibly.

// ways are how to get the privileges.
const ways = `
The cases need to make network namespaces. Three ways:
  make cases                                    as root, or through sudo by itself
  go test -exec 'sudo -E' -count=1 ./cases/...  compiles as you, runs as root
  go test -exec 'unshare -Urn' -count=1 ./cases/...
                                                no root at all, where unprivileged user namespaces are allowed
`

// installing names the package of iptables on the common systems.
const installing = "install iptables: apt-get install iptables (Debian, Ubuntu), dnf install iptables-nft (Fedora), apk add iptables (Alpine), pacman -S iptables-nft (Arch), zypper install iptables (SUSE)"

// missing says what the suite needs and this machine lacks, and how to supply
// it; nil if nothing. Everything is probed by doing it, once, in a lab: what a
// container permits cannot be read off its capabilities.
var missing = sync.OnceValue(func() error {
	kernel, err := thisKernel()
	if err != nil {
		return err
	}
	if kernel.version.Before(oldestKernel.Major, oldestKernel.Minor) {
		return fmt.Errorf("%v is older than %v, the oldest kernel that the predictions hold for", kernel, oldestKernel)
	}
	err = probe()
	if err == nil {
		return nil
	}
	lacks, capErr := lacking()
	return errors.Join(explain(err, lacks), capErr)
})

// probe does once what every case does.
func probe() (err error) {
	lab, err := newLab(Case{Sysctls: Sysctls{"tcp_fin_timeout": 5}}, IPv4, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lab.close()) }()
	if _, _, err := lab.connect(Endpoint{}, Endpoint{}); err != nil {
		return err
	}
	fault, err := lab.Server.freeze(nil)
	if err != nil {
		return err
	}
	return fault.heal()
}

// explain adds to a probe's error what is missing and what to do about it; lacks
// are the capabilities that this process does not have.
func explain(err error, lacks []string) error {
	switch permission := errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES); {
	case errors.Is(err, unix.EROFS):
		return fmt.Errorf("%w: /proc/sys is read-only, as containers mount it: run the container with --privileged, or outside", err)
	case permission && len(lacks) > 0:
		return fmt.Errorf("%w: this process lacks %s\n%s", err, strings.Join(lacks, ", "), ways)
	case permission:
		return fmt.Errorf("%w, although this process has %s: a seccomp filter or a security module forbids it, as in containers: "+
			"run the container with --privileged, or outside", err, strings.Join(slices.Sorted(maps.Keys(needed)), ", "))
	case errors.Is(err, unix.ENOSPC):
		return fmt.Errorf("%w: the limit of network namespaces is reached; raise the sysctl user.max_net_namespaces, here and where this user namespace was made", err)
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("%w: %s", err, installing)
	case errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("%w: this kernel has no veth links: it needs CONFIG_VETH, or its module veth", err)
	case errors.As(err, new(*exec.ExitError)):
		return fmt.Errorf("%w: iptables cannot work with this kernel: it needs xtables or nf_tables with nft_compat, or their modules", err)
	case errors.Is(err, unix.ENOENT):
		return fmt.Errorf("%w: /proc must be mounted, and be that of this process's pid namespace, as unshare --mount-proc makes it", err)
	}
	return err
}

// needed are the capabilities without which no lab can be built
// (scripts/capabilities finds them again), by their numbers.
var needed = map[string]int{"CAP_NET_ADMIN": unix.CAP_NET_ADMIN, "CAP_NET_RAW": unix.CAP_NET_RAW, "CAP_SYS_ADMIN": unix.CAP_SYS_ADMIN}

// lacking are those of needed that are not effective in this process.
func lacking() ([]string, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData // the lower 32 capabilities come first
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return nil, fmt.Errorf("asking for the capabilities: %w", err)
	}
	var lacks []string
	for name, number := range needed {
		if sets[number/32].Effective&(1<<(number%32)) == 0 {
			lacks = append(lacks, name)
		}
	}
	slices.Sort(lacks)
	return lacks, nil
}

// requireSuite fails the test where the suite cannot run.
func requireSuite(t testing.TB) {
	t.Helper()
	if err := missing(); err != nil {
		t.Fatalf("the suite cannot run here: %v", err)
	}
}

// skipUnstarted skips a test because the plan cannot be carried out; the first
// test has failed for it, and said why.
func skipUnstarted(t testing.TB) {
	t.Helper()
	t.Skip("not started, because the plan cannot be carried out")
}

// requireCase skips a case in a family that the machine has switched off, and
// one that the kernel is too old for, and notes why.
func requireCase(t testing.TB, record *report.Lab, family Family, need Need) {
	t.Helper()
	if !supported(family) {
		record.Reason = fmt.Sprintf("this kernel runs without %v", family)
	} else {
		record.Reason = lack(t, need)
	}
	if record.Reason != "" {
		t.Skip(record.Reason)
	}
}

// lack says what the kernel is too old for; empty if it is not. Where the kernel
// is new enough, what is missing fails the test.
func lack(t testing.TB, need Need) string {
	t.Helper()
	if need.Sysctl == "" {
		return ""
	}
	kernel, err := thisKernel()
	if err != nil {
		t.Fatal(err)
	}
	switch exists, err := hasSysctl(need.Sysctl); {
	case err != nil:
		t.Fatal(err)
	case exists:
	case kernel.version.Before(need.Since.Major, need.Since.Minor):
		return fmt.Sprintf("needs %s, which kernels have since %v", need.Sysctl, need.Since)
	default:
		t.Fatalf("%v lacks %s, which kernels have since %v", kernel, need.Sysctl, need.Since)
	}
	return ""
}

// supported reports whether the kernel has the family; ipv6.disable=1 takes
// IPv6 away.
func supported(family Family) bool {
	if family == IPv4 {
		return true
	}
	return hasIPv6()
}

var hasIPv6 = sync.OnceValue(func() bool {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return !errors.Is(err, unix.EAFNOSUPPORT)
	}
	return unix.Close(fd) == nil
})
