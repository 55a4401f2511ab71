package tcp

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
)

// SysctlFile is what a file of sysctl.d(5) or sysctl.conf(5) sets.
type SysctlFile struct {
	// Values are those that the model depends on, by their names below
	// net.ipv4, as [Settings.Set] takes them. All are in the kernel's range.
	Values map[string]int
	// Ignored is how many keys are outside net.ipv4.tcp_*.
	Ignored int
	// Unused are the keys of net.ipv4.tcp_* that play no part in the model, in
	// the file's order. Their values are not looked at.
	Unused []string
	// HostWide are the same for those that a network namespace does not have
	// for itself.
	HostWide []string
	// Forgiven are the failures of lines with a leading "-", which asks for
	// failures to be passed over. These lines set nothing.
	Forgiven []*LineError
}

// LineError is a line of such a file that cannot be applied.
type LineError struct {
	// File is the name that ParseSysctls was given.
	File string
	// Line counts from 1.
	Line int
	// Problem is what is wrong with the line. It repeats no value of a sysctl
	// that the model does not depend on.
	Problem string
}

// Error gives file, line and problem, as "/etc/sysctl.d/99-tcp.conf:2: no = in the line".
func (e *LineError) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Problem) }

// maxLine is the longest line that systemd-sysctl reads (LONG_LINE_MAX,
// systemd 252).
const maxLine = 1 << 20

// blanks are those of isspace(3).
const blanks = " \t\n\v\f\r"

// ParseSysctls reads a file of sysctl.d(5) or sysctl.conf(5) to its end; file
// is its name in errors. The error joins a [*LineError] for every line that
// cannot be applied, in the file's order, or says that reading failed; nothing
// of the file is returned then. A file with a NUL byte is no text, and read no
// further.
//
// The later of two assignments wins. One that names a sysctl wins over any
// glob pattern, and a line "-name" without "=" keeps a sysctl from patterns.
func ParseSysctls(file string, r io.Reader) (SysctlFile, error) {
	p := sysctlParser{file: file, ignored: map[string]bool{}}
	if err := p.read(r); err != nil {
		return SysctlFile{}, errors.Join(append(p.errors(), err)...)
	}
	out := p.resolve()
	if errs := p.errors(); errs != nil {
		return SysctlFile{}, errors.Join(errs...)
	}
	slices.SortStableFunc(p.forgiven, byLine)
	out.Forgiven = p.forgiven
	return out, nil
}

type sysctlParser struct {
	file             string
	lines            []sysctlLine
	ignored          map[string]bool // keys outside net.ipv4.tcp_*
	broken, forgiven []*LineError
	binary           bool // there is a NUL byte, and no point in reading on
}

// A sysctlLine is an assignment or, where it assigns nothing, an exclusion.
type sysctlLine struct {
	number  int
	pattern bool
	assigns bool
	forgive bool
	value   string
	// names are the known sysctls that the line is about: one, or those that a
	// pattern stands for.
	names []string
}

// fail notes what is wrong with a line.
func (p *sysctlParser) fail(line sysctlLine, problem string) {
	err := &LineError{p.file, line.number, problem}
	if line.forgive {
		p.forgiven = append(p.forgiven, err)
	} else {
		p.broken = append(p.broken, err)
	}
}

// errors are the problems in the file's order.
func (p *sysctlParser) errors() []error {
	slices.SortStableFunc(p.broken, byLine)
	var errs []error
	for _, err := range p.broken {
		errs = append(errs, err)
	}
	return errs
}

func byLine(a, b *LineError) int { return cmp.Compare(a.Line, b.Line) }

// read splits the file into lines.
func (p *sysctlParser) read(r io.Reader) error {
	in := bufio.NewReaderSize(r, maxLine+1) // with the line feed
	for number := 1; ; number++ {
		text, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			p.fail(sysctlLine{number: number}, fmt.Sprintf("longer than %d bytes", maxLine))
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = in.ReadSlice('\n')
			}
		} else {
			p.line(number, text)
		}
		if errors.Is(err, io.EOF) || p.binary {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: read line %d: %w", p.file, number, err)
		}
	}
}

// line takes a line as systemd-sysctl does (parse_file in src/sysctl/sysctl.c,
// systemd 252) and procps (parse_setting_line in src/sysctl.c, procps 4.0):
// only a whole line is a comment.
func (p *sysctlParser) line(number int, text []byte) {
	line := sysctlLine{number: number}
	if bytes.IndexByte(text, 0) >= 0 {
		p.fail(line, "a NUL byte: this is no text file")
		p.binary = true
		return
	}
	trimmed := strings.Trim(string(text), blanks)
	if trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';' {
		return
	}
	key, value, assigns := strings.Cut(trimmed, "=")
	key, dash := strings.CutPrefix(key, "-")
	key = sysctlPath(strings.Trim(key, blanks))
	switch {
	case !assigns && !dash:
		p.fail(line, "no = in the line")
	case key == "":
		p.fail(line, "no name in the line")
	default:
		line.assigns, line.forgive = assigns, assigns && dash
		line.value = strings.Trim(value, blanks)
		p.add(line, key)
	}
}

// sysctlPath is the path of a key below /proc/sys. A key whose first separator is
// a dot has dots for slashes and slashes for dots.
func sysctlPath(key string) string {
	if first := strings.IndexAny(key, "./"); first >= 0 && key[first] == '.' {
		key = strings.NewReplacer(".", "/", "/", ".").Replace(key)
	}
	return strings.TrimPrefix(path.Clean("/"+key), "/")
}

// add finds out which sysctls a line is about.
func (p *sysctlParser) add(line sysctlLine, key string) {
	name, below := strings.CutPrefix(key, ipv4Dir)
	ours := below && strings.HasPrefix(name, "tcp_")
	if line.pattern = strings.ContainsAny(key, "*?["); line.pattern {
		line.names = matching(key)
	} else if slices.Contains(tcpSysctls, name) && ours {
		line.names = []string{name}
	}
	switch {
	case len(line.names) == 0 && !ours:
		p.ignored[key] = true
	case len(line.names) == 0:
		p.fail(line, unknownText(name, line.pattern))
	case line.assigns && line.value == "":
		p.fail(line, "no value after =")
	default:
		p.lines = append(p.lines, line)
	}
}

// unknownText says what is wrong with a name or a pattern that no kernel has.
func unknownText(name string, pattern bool) string {
	const long = 64 // longer than any name
	switch near := nearest(name); {
	case strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "a blank or a special character in the name of a sysctl"
	case pattern:
		return fmt.Sprintf("no sysctl matches net.ipv4.%.*s", long, name)
	case near == "":
		return fmt.Sprintf("unknown sysctl net.ipv4.%.*s", long, name)
	default:
		return fmt.Sprintf("unknown sysctl net.ipv4.%s; did you mean %s?", name, near)
	}
}

// resolve takes the lines together, in the file's order. A pattern sets none
// of the sysctls that have a line of their own or are excluded.
func (p *sysctlParser) resolve() SysctlFile {
	out := SysctlFile{Values: map[string]int{}, Ignored: len(p.ignored)}
	kept := map[string]bool{}
	for _, line := range p.lines {
		for _, name := range line.names {
			kept[name] = kept[name] || !line.pattern || !line.assigns
		}
	}
	for _, line := range p.lines {
		for _, name := range line.names {
			if !line.assigns || line.pattern && kept[name] {
				continue
			}
			p.assign(&out, line, name)
		}
	}
	return out
}

func (p *sysctlParser) assign(out *SysctlFile, line sysctlLine, name string) {
	at := slices.IndexFunc(sysctls, func(s sysctl) bool { return s.name == name })
	switch {
	case at >= 0:
		value, problem := sysctls[at].parse(line.value)
		if problem != "" {
			p.fail(line, problem)
			return
		}
		out.Values[name] = value
	case slices.Contains(hostWide, name):
		out.HostWide = appendOnce(out.HostWide, name)
	default:
		out.Unused = appendOnce(out.Unused, name)
	}
}

func appendOnce(list []string, name string) []string {
	if slices.Contains(list, name) {
		return list
	}
	return append(list, name)
}

// parse reads a value as the kernel does (proc_get_long in kernel/sysctl.c,
// Linux 5.10 to 7.3), hexadecimal behind 0x and octal behind 0. It is stricter
// in one thing: the kernel drops what follows a number and a blank.
func (s sysctl) parse(text string) (value int, problem string) {
	digits, negative := strings.CutPrefix(text, "-")
	base := 10
	if hex := strings.ToLower(digits); strings.HasPrefix(hex, "0x") {
		digits, base = digits[2:], 16
	} else if strings.HasPrefix(digits, "0") {
		base = 8
	}
	number, err := strconv.ParseUint(digits, base, 31)
	switch {
	case errors.Is(err, strconv.ErrSyntax):
		return 0, fmt.Sprintf("%s=%.40q is no integer", s.name, text)
	case err != nil || negative || int(number) < s.min || int(number) > s.max:
		return 0, fmt.Sprintf("%s=%.40s is outside %d to %d", s.name, text, s.min, s.max)
	}
	return int(number), ""
}
