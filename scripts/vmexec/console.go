package main

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// tailLines is how much of a console is shown where there is no result.
const tailLines = 30

// complaints are what a kernel says when it is itself at fault. They are looked for
// anywhere in a line: some follow the name of a part of the kernel ("watchdog: BUG: "),
// or what a program has printed without an end of line, and one that is overlooked
// makes a pass.
var complaints = regexp.MustCompile(`WARNING: |BUG: |kernel BUG at |Oops: |general protection fault|` +
	`INFO: (possible|suspicious|inconsistent|task .* blocked for)|possible (circular|recursive) locking|suspicious RCU usage|` +
	`rcu: INFO: .*detected|Attempt to release (TCP socket in state|alive)|refcount_t: |unregister_netdevice: waiting for|ref_tracker: |leaked reference|` +
	`Call to .* while|scheduling while atomic|UBSAN: |KASAN: |KFENCE: |Slab .* leaked|Kernel panic - `)

// outOfMemory is how the kernel says that it has ended a process for that.
var outOfMemory = regexp.MustCompile(`Out of memory: Killed process|Kernel panic - not syncing: (System is deadlocked on memory|Out of memory)`)

// A console is what the guest's kernel has printed.
type console struct {
	tail []string
	// complaint is the first line of its kind, empty if there was none; so are panic
	// and memory.
	complaint, panic, memory string
}

// read keeps what is of interest, to the end of the guest.
func (c *console) read(from io.Reader) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := strings.TrimRight(lines.Text(), "\r ")
		if line == "" {
			continue
		}
		c.tail = append(c.tail, line)
		c.tail = c.tail[max(0, len(c.tail)-tailLines):]
		keep(&c.complaint, line, complaints.MatchString(line))
		keep(&c.panic, line, strings.Contains(line, "Kernel panic - "))
		keep(&c.memory, line, outOfMemory.MatchString(line))
	}
	return lines.Err()
}

// keep keeps the first line that matters.
func keep(first *string, line string, matters bool) {
	if matters && *first == "" {
		*first = line
	}
}

// String is the end of it, for a reader.
func (c *console) String() string {
	if len(c.tail) == 0 {
		return "its console is empty"
	}
	return fmt.Sprintf("its console ends:\n  %s", strings.Join(c.tail, "\n  "))
}
