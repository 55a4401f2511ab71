package main

import (
	"fmt"
	"runtime"
	"strings"
)

// bootArgs are for every kernel. Warnings are printed, for a complaint of the kernel
// begins with one; a panic ends the guest at once.
const bootArgs = "loglevel=5 panic=-1 oops=panic"

// qemuArgs starts QEMU without acceleration, so that it needs neither KVM nor
// privileges.
//
// In virtual time an instruction takes 2 ns (shift=1), and a processor that waits
// lets the clock leap to the next timer (sleep=off). With shift=0 phases that
// compute take twice as long on the host, with shift=3 the guest is slow by its own
// clock. What differs from run to run is taken away: the host's clock, random numbers,
// where the kernel lies.
//
// So is a race of QEMU's own: its main loop makes the clock leap when the processor
// has been told to sleep, and if the thread of the processor has not reckoned its last
// instructions by then, the clock leaps too far by as many (icount_start_warp_timer,
// icount_process_data, QEMU 7.2); on a busy host that happens every few seconds.
// Recording for a replay, to nowhere, has the two threads take turns.
func qemuArgs(opts options) []string {
	kernelArgs := []string{bootArgs, "console=ttyS0 8250.nr_uarts=4 nokaslr cryptomgr.notests mitigations=off tsc=reliable"}
	args := []string{
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-M", "q35", "-m", fmt.Sprint(memory), "-accel", "tcg,tb-size=256",
		"-kernel", opts.kernel.image, "-initrd", descriptor(initrdFD),
		"-serial", "file:" + descriptor(consoleFD),
		"-serial", "file:" + descriptor(outputFD),
		"-serial", "file:" + descriptor(controlFD),
		"-append", strings.Join(kernelArgs, " "),
	}
	if !opts.virtual {
		return append(args, "-cpu", "max", "-smp", fmt.Sprint(min(4, runtime.NumCPU())))
	}
	return append(args, "-cpu", "max,-rdrand,-rdseed", "-seed", "1",
		"-icount", "shift=1,sleep=off,rr=record,rrfile=/dev/null", "-rtc", "base=2026-01-01,clock=vm")
}
