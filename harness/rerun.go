package harness

import (
	"flag"
	"os"
	"regexp"
	"runtime/debug"
	"strings"
	"sync"
)

// rerun is the command that runs one test of this package again, in the way in
// which this process got its privileges, and with the same flags.
func rerun(test string) string {
	var command strings.Builder
	command.WriteString("go test -count=1 ")
	if way := privileged(); way != "" {
		command.WriteString("-exec '" + way + "' ")
	}
	elements := strings.Split(test, "/")
	for i, element := range elements {
		elements[i] = "^" + regexp.QuoteMeta(element) + "$"
	}
	command.WriteString("-v -run " + quote(strings.Join(elements, "/")))
	if info, ok := debug.ReadBuildInfo(); ok {
		command.WriteString(" " + strings.TrimSuffix(info.Path, ".test"))
	}
	flag.Visit(func(f *flag.Flag) {
		switch f.Name {
		case "watch", "settings", "strict":
			command.WriteString(" -" + f.Name + "=" + quote(f.Value.String()))
		case "test.short":
			command.WriteString(" -short")
		}
	})
	return command.String()
}

// privileged is what go test ran this process by; empty for a plain root.
func privileged() string {
	switch {
	case os.Getenv("SUDO_UID") != "":
		return "sudo -E"
	case inUserNamespace():
		return "unshare -Urn"
	}
	return ""
}

// inUserNamespace reports whether the users of this process are mapped: the
// initial namespace maps all of them to themselves (user_namespaces(7)).
var inUserNamespace = sync.OnceValue(func() bool {
	ids, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && strings.Join(strings.Fields(string(ids)), " ") != "0 0 4294967295"
})

// quote quotes for a shell what needs it.
func quote(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool {
		return !strings.ContainsRune("-_=./,:abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", r)
	}) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
