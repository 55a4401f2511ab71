package harness

import (
	"errors"
	"fmt"
	"os/exec"
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
	return explain(probe())
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

// explain adds to a probe's error what to do about it.
func explain(err error) error {
	switch {
	case errors.Is(err, unix.EROFS):
		return fmt.Errorf("%w\n/proc/sys is read-only, as containers mount it: run the container with --privileged, or outside", err)
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return fmt.Errorf("%w\n%s", err, ways)
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("%w\n%s", err, installing)
	}
	return err
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

// requireLab skips a test of the harness itself where labs cannot be built.
func requireLab(t testing.TB) {
	t.Helper()
	err := missing()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.EROFS) || errors.Is(err, exec.ErrNotFound) {
		t.Skipf("needs a lab: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
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
