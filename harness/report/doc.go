// Package report keeps what a run of finwait found, shows it, and compares it
// with other runs.
//
// A [Run] holds everything that was seen and judged, one [Lab] for each case in
// each address family. [Run.Write] writes it as results.json and [Read] reads
// that; [Timeline] is the story of one lab as text, [Summary] the run for the
// page of a job on GitHub, [Compare] what differs between runs:
//
//	file, err := os.Open("results.json")
//	if err != nil {
//		return err
//	}
//	defer file.Close()
//	run, err := report.Read(file)
//	if err != nil {
//		return fmt.Errorf("results.json: %w", err)
//	}
//	for _, lab := range run.Labs {
//		fmt.Printf("%s: %s\n%s\n", lab.Title, lab.Result, report.Timeline(lab))
//	}
//
// The package is pure: it imports the standard library and package tcp, needs no
// privileges and runs anywhere.
//
// # results.json
//
// The file is one JSON object in UTF-8. Each lab stands on a line of its own.
//
// A moment is a number of seconds since the lab was built, a duration a number of
// seconds, both to the microsecond. An interval is {"min": …, "max": …}, two
// durations, or moments, both included: the end lies somewhere in it. Where a
// field may be missing it is marked with "?", and then means 0, empty, or none.
//
// The run:
//
//	version           1
//	kernel            as uname -r prints it
//	hz                ticks per second
//	iptables          version and variant
//	started           RFC 3339
//	took              duration of the run
//	watch             how long a state was watched at the most
//	settings_of       whose settings the cases of own settings proved
//	noise             {overshoot, stolen}: by how much timers of the process were late
//	                  at the worst, and the processor time that a hypervisor gave to
//	                  others
//	labs              in the order in which they ended
//
// A lab:
//
//	test              full name of the test, which tells it from the other labs
//	title             what was done, for people
//	family            "IPv4" or "IPv6"
//	result            "passed", "failed", "inconclusive" or "skipped"; only the first is
//	                  a pass
//	reason?           why it did not pass
//	declared?         the ending that the case promised to judge
//	sysctls?          {name: value}, which the case sets on both hosts
//	verdicts          in the order in which they were reached
//	hosts?            the client and the server, in this order
//	transitions?      what was seen of the sockets
//	segments?         what passed on the wire
//	notes?            what was done
//	faults?           freezes
//	unkept?           number of segments beyond those that are kept
//	took, noise       as of the run
//	rerun             the command that runs just this lab
//	folder?           where more is found of a lab that failed, relative to the file
//
// A host:
//
//	name              "client" or "server"; elsewhere a host is named so
//	addr              its end of the first connection, or its address alone
//	settings?         {name: value} of net.ipv4.tcp_*, those that decide on a window
//	counters?         {name: number}, by how much the kernel's counters moved
//
// A verdict:
//
//	host              whose socket was judged
//	ending            the state, and in words what holds it
//	state             the state alone, as "FIN_WAIT_1"
//	outcome           "reaped in its window"; cut short, because the watch was over
//	                  before the state: "armed", "on schedule"; "for ever as it should",
//	                  "ended by its peer", "not held, as it should", "deviating as
//	                  known"; and those that are no pass: "early", "late",
//	                  "off schedule", "inconclusive"
//	passed            true or false
//	text              the verdict in a line
//	clock?            the event that window and lasted are counted from
//	start             interval of the moment when that was
//	window            intervals in which the end was predicted; none for never
//	allowed?          by how much timers were allowed to be late beyond that
//	lasted            interval of how long the state lasted, or was watched
//	over              whether it ended
//	why?              lines that explain the window
//	like?             [{name, window}], other explanations that fit the end
//	rto?              retransmission timeout of the connection before the clock started
//
// A transition, which is what one look at a socket found new:
//
//	after, at         the last moment before it, and the first one known behind it
//	host, socket      local address and port
//	state             "gone" when the socket is no more
//	timer?            what holds the socket from here on
//	due?              the moment at which that timer fires
//	retransmissions?  as the kernel counts them
//	text              the transition in words
//	last              the last moment at which the socket was seen so
//
// A segment:
//
//	from              the host that sent it
//	sent?             the moment when it passed the sender's end of the wire; not there
//	                  if it was injected
//	arrived?          the moment when it passed the receiver's end; not there if it was
//	                  lost. There is always one of the two.
//	dropped?          the fault that dropped it after it had arrived
//	src, dst          address and port
//	flags             control bits from the lowest, as "FIN,ACK"
//	seq, ack?, len?   numbers of the header, and of bytes of data
//	repeats?          true if the same had been sent before
//
// A note:
//
//	at, host          the moment, and where
//	text              what was done
//	call?             true if the application did it, by a call
//
// A fault:
//
//	host, text        where, and what it does
//	begin, end?       moments; without an end it was in force until the lab ended
//	hits              number of packets that it dropped
//
// # The promise
//
// New fields may come at any time; a reader ignores what it does not know. The
// version grows when a reader of the one before would misread the file: when a
// field goes, or its type, unit or meaning changes. A reader refuses a version
// that is newer than the ones it knows. This package writes [Version] and reads
// all versions up to it.
package report
