package netns

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// SetSysctl writes a net.* sysctl of the namespace, named with dots as in
// sysctl.conf: "net.ipv4.tcp_fin_timeout". One that this kernel does not have, or
// that exists only in the initial namespace, gives an error that matches
// fs.ErrNotExist. The few net.* sysctls that all namespaces share are absent or
// read-only outside the initial one (sysctl_ipv4_init and ipv4_sysctl_init_net,
// Linux 6.1), so the machine is out of reach here too. To read one, read its file
// below /proc/sys/net inside [Namespace.Do].
func (ns *Namespace) SetSysctl(name, value string) error {
	return ns.SetSysctls(map[string]string{name: value})
}

// SetSysctls writes several, in the order of their names and in one visit to the
// namespace, up to the first that fails. Of none it makes no visit.
func (ns *Namespace) SetSysctls(values map[string]string) error {
	if len(values) == 0 {
		return nil
	}
	if err := checkNames(values); err != nil {
		return err
	}
	var writing error
	if err := ns.Do(func() error { writing = ns.write(values); return nil }); err != nil {
		return fmt.Errorf("setting sysctls in %v: %w", ns, err)
	}
	return writing
}

// checkNames keeps a wrong name from being noticed half-way.
func checkNames(values map[string]string) error {
	for name := range values {
		if _, err := sysctlPath(name); err != nil {
			return err
		}
	}
	return nil
}

// write writes sysctls; the thread is in the namespace.
func (ns *Namespace) write(values map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		path, err := sysctlPath(name)
		if err == nil {
			err = overwrite(path, values[name])
		}
		if err != nil {
			return fmt.Errorf("setting %s=%s in %v: %w", name, values[name], ns, err)
		}
	}
	return nil
}

// overwrite writes to a file that exists.
func overwrite(path, value string) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(value)
	return errors.Join(err, file.Close())
}

// sysctlPath finds a sysctl below /proc/sys/net, whose files belong to the
// namespace of the thread that opens them.
func sysctlPath(name string) (string, error) {
	parts := strings.Split(name, ".")
	if len(parts) < 2 || parts[0] != "net" {
		return "", fmt.Errorf("sysctl %q: only net.* sysctls belong to a network namespace", name)
	}
	for _, part := range parts {
		if part == "" || strings.ContainsRune(part, '/') {
			return "", fmt.Errorf("sysctl %q: not a dotted name", name)
		}
	}
	return filepath.Join("/proc/sys", filepath.Join(parts...)), nil
}
