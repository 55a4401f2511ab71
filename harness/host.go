package harness

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"testing"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/finwait/finwait/netns"
)

// Host is a network namespace with its addresses.
type Host struct {
	lab   *Lab
	name  string
	ns    *netns.Namespace
	mac   net.HardwareAddr
	addrs map[Family]netip.Prefix
	// settings are what the kernel reads in this namespace.
	settings tcp.Settings
	chain    *chain
	tap      *tap
	diag     *diagSocket
	counters *counterFiles
	// baseline is what was counted when the first connection was made, nil
	// before, and baselineText all counters then.
	baseline     tcp.Counters
	baselineText string
}

// newHost makes a host without its namespace; last is the end of all of its
// addresses.
func (lab *Lab) newHost(name string, last byte) (*Host, error) {
	host := &Host{lab: lab, name: name, mac: net.HardwareAddr{2, 0, 0, 0, 0, last}}
	host.addrs = map[Family]netip.Prefix{IPv4: netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, last}), 24)}
	if supported(IPv6) {
		host.addrs[IPv6] = netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: last}), 64)
	}
	var err error
	if host.settings, err = pristine(); err != nil {
		return nil, fmt.Errorf("building the %s: %w", host.name, err)
	}
	return host, nil
}

func (h *Host) end() netns.End {
	end := netns.End{Namespace: h.ns, MAC: h.mac}
	for _, prefix := range h.addrs {
		end.Addrs = append(end.Addrs, prefix)
	}
	return end
}

// Addr is the host's address in the family of the lab.
func (h *Host) Addr() netip.Addr { return h.addrs[h.lab.Family].Addr() }

// furnish opens what is read for as long as the lab lives; the thread is in the
// host's namespace, where the sysctls were set.
func (h *Host) furnish(sysctls Sysctls) error {
	err := h.readBack(sysctls)
	if err == nil {
		h.counters, err = openCounters()
	}
	if err == nil {
		h.lab.onClose(h.counters.close)
		h.diag, err = openDiagSocket()
	}
	if err == nil {
		h.lab.onClose(h.diag.close)
		h.tap, err = newTap(h)
	}
	if err != nil {
		return fmt.Errorf("building the %s: %w", h.name, err)
	}
	return nil
}

// named are the sysctls by their whole names.
func (s Sysctls) named() map[string]string {
	values := map[string]string{}
	for name, value := range s {
		values["net.ipv4."+name] = strconv.Itoa(value)
	}
	return values
}

// write sets the sysctls.
func (h *Host) write(sysctls Sysctls) error {
	if err := h.ns.SetSysctls(sysctls.named()); err != nil {
		return fmt.Errorf("configuring the %s: %w", h.name, err)
	}
	return nil
}

// readBack reads what the kernel made of the sysctls that were set; the thread
// is in the host's namespace.
func (h *Host) readBack(sysctls Sysctls) error {
	for name, value := range sysctls {
		if got, err := readSysctl(name); err != nil || got != strconv.Itoa(value) {
			return errors.Join(fmt.Errorf("%s was set to %d and reads %q", name, value, got), err)
		}
		h.settings.Set(name, value)
	}
	return nil
}

// pristine are the settings of a namespace in which nothing was set, read once:
// every new one has what is compiled into the kernel (tcp_sk_init in
// net/ipv4/tcp_ipv4.c, Linux 5.10 to 7.3).
var pristine = sync.OnceValues(func() (settings tcp.Settings, err error) {
	ns, err := netns.New()
	if err != nil {
		return tcp.Settings{}, err
	}
	settings, err = settingsOf(ns)
	return settings, errors.Join(err, ns.Close())
})

func settingsOf(ns *netns.Namespace) (settings tcp.Settings, err error) {
	err = ns.Do(func() error {
		settings, err = tcp.ReadSettings(readSysctl)
		return err
	})
	return settings, err
}

func (h *Host) readSettings() (tcp.Settings, error) {
	settings, err := settingsOf(h.ns)
	if err != nil {
		return tcp.Settings{}, fmt.Errorf("reading the settings of the %s: %w", h.name, err)
	}
	return settings, nil
}

// SetSysctl sets a net.ipv4 sysctl on this host alone. Predictions follow it at
// once, though the kernel reads some sysctls only when a socket is made.
func (h *Host) SetSysctl(t testing.TB, name string, value int) {
	t.Helper()
	sysctls := Sysctls{name: value}
	if err := h.write(sysctls); err != nil {
		t.Fatal(err)
	}
	if err := h.ns.Do(func() error { return h.readBack(sysctls) }); err != nil {
		t.Fatalf("configuring the %s: %v", h.name, err)
	}
}

// HasSysctl reports whether the kernel has the sysctl below net.ipv4.
func (h *Host) HasSysctl(t testing.TB, name string) bool {
	t.Helper()
	exists, err := hasSysctl(name)
	if err != nil {
		t.Fatalf("configuring the %s: %v", h.name, err)
	}
	return exists
}

// SetPortRange leaves the kernel one port to choose on connect
// (ip_local_port_range).
func (h *Host) SetPortRange(t testing.TB, port uint16) {
	t.Helper()
	if err := h.ns.SetSysctl("net.ipv4.ip_local_port_range", fmt.Sprintf("%d %d", port, port)); err != nil {
		t.Fatal(err)
	}
}

// SetReceiveMemory sets how much a socket of the host can hold that its owner
// has not read (tcp_rmem): so many bytes of memory, about half of which is
// data.
func (h *Host) SetReceiveMemory(t testing.TB, bytes int) {
	t.Helper()
	if err := h.ns.SetSysctl("net.ipv4.tcp_rmem", fmt.Sprintf("4096 %d %d", bytes, bytes)); err != nil {
		t.Fatal(err)
	}
}
