package harness

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/coreos/go-iptables/iptables"
	"github.com/finwait/finwait/harness/report"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// preserve writes what a lab that failed can still show into a directory, one
// file for each kind of evidence. What cannot be had does not keep the rest from
// being written.
func (lab *Lab) preserve(dir string, record report.Lab, story string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("preserving the evidence: %w", err)
	}
	var errs []error
	write := func(name string, content func(io.Writer) error) {
		if err := writeFile(filepath.Join(dir, name), content); err != nil {
			errs = append(errs, fmt.Errorf("preserving the evidence: %w", err))
		}
	}
	write("timeline.txt", func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s\n%s\n\n%s", record.Title, record.Reason, story)
		return err
	})
	write("rerun.txt", func(w io.Writer) error {
		_, err := fmt.Fprintln(w, record.Rerun)
		return err
	})
	write("capture.pcapng", lab.writeCapture)
	write("sockets.txt", lab.writeSockets)
	write("counters.txt", lab.writeCounters)
	write("iptables.txt", lab.writeRules)
	for _, host := range lab.hosts() {
		write("sysctls-"+host.name+".conf", host.writeSysctls)
	}
	return errors.Join(errs...)
}

// writeFile makes a file of what content writes.
func writeFile(path string, content func(io.Writer) error) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := content(file); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// writeCapture writes what passed both ends of the wire as pcapng, one interface
// for each host, in order of time.
func (lab *Lab) writeCapture(w io.Writer) error {
	ends := make([]pcapgo.NgInterface, len(lab.hosts()))
	type packet struct {
		Segment
		end int
	}
	var packets []packet
	for i, host := range lab.hosts() {
		ends[i] = pcapgo.NgInterface{
			Name: host.name, LinkType: layers.LinkTypeEthernet, SnapLength: snapLength, OS: lab.kernel.String(),
			TimestampResolution: 9,
		}
		for _, segment := range host.tap.kept() {
			packets = append(packets, packet{segment, i})
		}
	}
	slices.SortStableFunc(packets, func(a, b packet) int { return a.At.Compare(b.At) })
	writer, err := pcapgo.NewNgWriterInterface(w, ends[0], pcapgo.NgWriterOptions{
		SectionInfo: pcapgo.NgSectionInfo{OS: lab.kernel.String(), Application: "finwait"},
	})
	if err != nil {
		return err
	}
	if _, err := writer.AddInterface(ends[1]); err != nil {
		return err
	}
	for _, p := range packets {
		info := gopacket.CaptureInfo{Timestamp: p.At, CaptureLength: len(p.raw), Length: p.rawLen, InterfaceIndex: p.end}
		if err := writer.WritePacket(info, p.raw); err != nil {
			return err
		}
	}
	return writer.Flush()
}

// writeSockets lists every TCP socket of both hosts, as sock_diag dumps them.
func (lab *Lab) writeSockets(w io.Writer) error {
	for _, host := range lab.hosts() {
		sockets, err := host.dumpSockets()
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s: %d sockets\n", host.name, len(sockets))
		for _, socket := range sockets {
			fmt.Fprintf(w, "  %s\n", socket)
		}
	}
	return nil
}

// writeCounters lists the counters of both hosts that have moved since the first
// connection was made, and what they were before and are now.
func (lab *Lab) writeCounters(w io.Writer) error {
	for _, host := range lab.hosts() {
		text, err := host.counters.read()
		if err != nil {
			return err
		}
		before, err := parseAllCounters(host.baselineText)
		if err != nil {
			return err
		}
		after, err := parseAllCounters(text)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s: %-32s %12s %12s %8s\n", host.name, "", "before", "after", "moved")
		for _, name := range slices.Sorted(maps.Keys(after)) {
			if by := after[name] - before[name]; by != 0 {
				fmt.Fprintf(w, "  %-38s %12d %12d %+8d\n", name, before[name], after[name], by)
			}
		}
	}
	return nil
}

// writeRules lists the iptables rules of both hosts, in the lab's family, with
// their counters.
func (lab *Lab) writeRules(w io.Writer) error {
	for _, host := range lab.hosts() {
		if host.chain == nil {
			fmt.Fprintf(w, "%s: no rules\n", host.name)
			continue
		}
		fmt.Fprintf(w, "%s:\n", host.name)
		for _, name := range []string{"INPUT", "OUTPUT", chainName} {
			var rules []string
			err := host.chain.do(func(tables *iptables.IPTables) (err error) {
				rules, err = tables.ListWithCounters(chainTable, name)
				return err
			})
			if err != nil {
				return fmt.Errorf("listing the rules of the %s: %w", host.name, err)
			}
			for _, rule := range rules {
				fmt.Fprintf(w, "  %s\n", rule)
			}
		}
	}
	return nil
}

// writeSysctls writes every net.ipv4.tcp_* sysctl of the host as a sysctl.d file,
// but for the key of TCP Fast Open, which is a secret.
func (h *Host) writeSysctls(w io.Writer) error {
	const secret = "tcp_fastopen_key"
	return h.ns.Do(func() error {
		files, err := filepath.Glob(ownSysctl + "tcp_*")
		if err != nil {
			return err
		}
		for _, path := range files {
			name := filepath.Base(path)
			if name == secret {
				continue
			}
			value, err := os.ReadFile(path)
			if err != nil {
				fmt.Fprintf(w, "# net.ipv4.%s: %v\n", name, err)
				continue
			}
			if _, err := fmt.Fprintf(w, "net.ipv4.%s = %s\n", name, strings.Join(strings.Fields(string(value)), " ")); err != nil {
				return err
			}
		}
		return nil
	})
}
