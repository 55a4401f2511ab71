package harness

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/finwait/finwait/harness/report"
)

const (
	pageName    = "index.html"
	resultsName = "results.json"
	failedName  = "failed" // the directory of the folders of labs that failed
)

// An archive collects the records of a run for its report.
type archive struct {
	dir     string // absolute; empty if no report was asked for
	cleared bool
	started time.Time
	// stolenBefore is what the hypervisor had taken when the run began.
	stolenBefore time.Duration
	labs         []report.Lab
	names        map[string]int
}

// open makes the directory of the report, and refuses one that holds anything
// but an earlier report, or that cannot be written to: what is wrong is better
// known now than after the run.
func (a *archive) open(dir string) (err error) {
	a.started, a.names = time.Now(), map[string]int{}
	if a.stolenBefore, err = stolenTime(); err != nil {
		return err
	}
	if err := appendTo(stepSummary(), ""); err != nil {
		return fmt.Errorf("GITHUB_STEP_SUMMARY names no file that can be appended to: %w", err)
	}
	if dir == "" {
		return nil
	}
	if a.dir, err = fromRoot(dir); err != nil {
		return fmt.Errorf("opening the report: %w", err)
	}
	if err := os.MkdirAll(a.dir, 0o755); err != nil {
		return fmt.Errorf("opening the report: %w: name a directory that can be written to", err)
	}
	entries, err := os.ReadDir(a.dir)
	if err != nil {
		return fmt.Errorf("opening the report: %w", err)
	}
	if _, err := os.Stat(filepath.Join(a.dir, resultsName)); err != nil && len(entries) > 0 {
		return fmt.Errorf("opening the report: %s is not empty, and holds no report: name another directory", a.dir)
	}
	for _, entry := range entries {
		if name := entry.Name(); name != pageName && name != resultsName && name != failedName {
			return fmt.Errorf("opening the report: %s holds %s, which is not of a report: name another directory", a.dir, name)
		}
	}
	trial, err := os.CreateTemp(a.dir, "trial-")
	if err != nil {
		return fmt.Errorf("opening the report: %w: name a directory that can be written to", err)
	}
	return errors.Join(trial.Close(), os.Remove(trial.Name()))
}

// clear removes an earlier report from the directory, once it is certain that
// there will be another, and marks the directory as a report's. A second round
// of go test -count adds to what the first has kept.
func (a *archive) clear() error {
	if a.dir == "" || a.cleared {
		return nil
	}
	a.cleared = true
	for _, name := range []string{pageName, resultsName, failedName} {
		if err := os.RemoveAll(filepath.Join(a.dir, name)); err != nil {
			return fmt.Errorf("removing the earlier report: %w", err)
		}
	}
	return writeFile(filepath.Join(a.dir, resultsName), func(io.Writer) error { return nil })
}

// add keeps a record. A test that go test runs more than once gets a number.
func (a *archive) add(lab report.Lab) {
	if a.names == nil {
		return
	}
	a.names[lab.Test]++
	if n := a.names[lab.Test]; n > 1 {
		lab.Test = fmt.Sprintf("%s#%d", lab.Test, n)
	}
	a.labs = append(a.labs, lab)
}

// noise is that of the whole run.
func (a *archive) noise() report.Noise {
	if a.started.IsZero() {
		return report.Noise{}
	}
	return noiseSince(a.started, a.stolenBefore)
}

// stepSummary is the file that GitHub Actions shows on the page of a job; empty
// elsewhere.
func stepSummary() string { return os.Getenv("GITHUB_STEP_SUMMARY") }

// recording reports whether the record of every lab is wanted.
func (r *run) recording() bool { return r.archive.dir != "" || stepSummary() != "" }

// preserving reports whether the evidence of labs that fail is kept: in the
// report, or where go test's -artifacts puts it.
func (r *run) preserving() bool { return r.archive.dir != "" || artifactsWanted() }

func artifactsWanted() bool {
	wanted := flag.Lookup("test.artifacts")
	return wanted != nil && wanted.Value.String() == "true"
}

// preserve writes the evidence of a lab that failed.
func (r *run) preserve(t *testing.T, lab *Lab, record *report.Lab, story string) error {
	var errs []error
	if r.archive.dir != "" {
		record.Folder = failedName + "/" + folderName(record.Test)
		errs = append(errs, lab.preserve(filepath.Join(r.archive.dir, record.Folder), *record, story))
	}
	if artifactsWanted() {
		errs = append(errs, lab.preserve(t.ArtifactDir(), *record, story))
	}
	return errors.Join(errs...)
}

// folderName makes one name of that of a test.
func folderName(test string) string {
	return strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' || r == 0 {
			return '-'
		}
		return r
	}, test)
}

// publish writes the report, and the summary of GitHub Actions.
func (r *run) publish() error {
	if !r.recording() {
		return nil
	}
	record, err := r.record()
	if err != nil {
		return err
	}
	var errs []error
	errs = append(errs, appendTo(stepSummary(), report.Summary(record)))
	if dir := r.archive.dir; dir != "" {
		errs = append(errs,
			writeFile(filepath.Join(dir, resultsName), record.Write),
			writeFile(filepath.Join(dir, pageName), func(w io.Writer) error { return report.WritePage(w, record) }))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if r.archive.dir != "" {
		fmt.Fprintf(r.out, "report: %s\n", filepath.Join(r.archive.dir, pageName))
	}
	return nil
}

// appendTo appends to a file; nothing to none.
func appendTo(path, text string) (err error) {
	if path == "" {
		return nil
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	_, err = io.WriteString(file, text)
	return err
}

// record is the whole run.
func (r *run) record() (report.Run, error) {
	kernel, err := thisKernel()
	if err != nil {
		return report.Run{}, err
	}
	tools, err := findTools()
	if err != nil {
		return report.Run{}, err
	}
	return report.Run{
		Version: report.Version, Kernel: kernel.release, HZ: int(kernel.hz), Iptables: tools.version,
		Started: r.archive.started, Took: report.Seconds(time.Since(r.archive.started)), Watch: report.Seconds(r.options.Watch),
		SettingsOf: r.source, Noise: r.archive.noise(), Labs: r.archive.labs,
	}, nil
}
