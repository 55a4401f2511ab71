package harness

import (
	"fmt"

	"golang.org/x/sys/unix"
)

const (
	// descriptorsPerLab is what a lab with one connection holds open, and a few
	// for more of them.
	descriptorsPerLab = 20
	// descriptorsBesides are for programs that run, files of the report and so on.
	descriptorsBesides = 100
)

// enoughDescriptors compares what so many labs at once open with what the process
// may (RLIMIT_NOFILE; Go has raised the soft limit to the hard one when it
// started). Without this hundreds of labs would fail one by one.
func enoughDescriptors(labs int) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("asking for the limit of descriptors: %w", err)
	}
	return compareDescriptors(labs, limit.Cur)
}

func compareDescriptors(labs int, allowed uint64) error {
	needed := uint64(labs*descriptorsPerLab + descriptorsBesides)
	if needed <= allowed {
		return nil
	}
	const advice = "%d labs at once need %d descriptors, this process may open %d: raise the hard limit with ulimit -Hn %[2]d"
	if allowed < descriptorsPerLab+descriptorsBesides {
		return fmt.Errorf(advice, labs, needed, allowed)
	}
	fewer := (allowed - descriptorsBesides) / descriptorsPerLab
	return fmt.Errorf(advice+", or pass -parallel=%[4]d, which takes longer", labs, needed, allowed, fewer)
}
