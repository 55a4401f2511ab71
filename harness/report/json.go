package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Write writes the run as JSON of this package's Version, with each lab on a
// line of its own, so that tools which compare lines find what changed. Lists
// that every lab or verdict has are written empty, never as null.
func (r Run) Write(w io.Writer) error {
	r.Version = Version
	head, err := encode(struct {
		Run
		Labs *struct{} `json:"labs,omitempty"` // hides those of the run
	}{Run: r})
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	out := bytes.NewBuffer(bytes.TrimSuffix(head, []byte("}")))
	out.WriteString(`,"labs":[`)
	for i, lab := range r.Labs {
		if i > 0 {
			out.WriteString(",")
		}
		line, err := encode(lab.listed())
		if err != nil {
			return fmt.Errorf("writing the report: lab %q: %w", lab.Test, err)
		}
		out.WriteString("\n")
		out.Write(line)
	}
	out.WriteString("\n]}\n")
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// encode writes what is not read by a browser: a < stays a <.
func encode(value any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// listed is the lab with an empty list in the place of each that is nil and is
// always written.
func (l Lab) listed() Lab {
	l.Verdicts = append([]Verdict{}, l.Verdicts...)
	for i := range l.Verdicts {
		v := &l.Verdicts[i]
		v.Window = append([]Interval{}, v.Window...)
		v.Like = slices.Clone(v.Like)
		for j := range v.Like {
			v.Like[j].Window = append([]Interval{}, v.Like[j].Window...)
		}
	}
	return l
}

// Read reads a run that Write wrote, of this Version or one before. Fields that
// it does not know are ignored. An error is one line that says what is wrong
// and where: the text is empty, truncated or malformed, is no report, is of a
// newer version, or says what no run can have found.
func Read(rd io.Reader) (Run, error) {
	text, err := io.ReadAll(rd)
	if err != nil {
		return Run{}, fmt.Errorf("reading the report: %w", err)
	}
	if err := checkVersion(text); err != nil {
		return Run{}, err
	}
	var run Run
	if err := json.Unmarshal(text, &run); err != nil {
		return Run{}, located(err, text)
	}
	if err := run.check(); err != nil {
		return Run{}, err
	}
	return run, nil
}

// checkVersion comes before all else is read, for another version may have
// other fields.
func checkVersion(text []byte) error {
	var head struct {
		Version *int `json:"version"`
	}
	err := json.NewDecoder(bytes.NewReader(text)).Decode(&head)
	var misfit *json.UnmarshalTypeError
	switch {
	case errors.As(err, &misfit), err == nil && head.Version == nil:
		return errors.New("not a report of finwait: it says no version")
	case err != nil:
		return located(err, text)
	case *head.Version < 1:
		return fmt.Errorf("not a report of finwait: there is no version %d", *head.Version)
	case *head.Version > Version:
		return fmt.Errorf("version %d is newer than this finwait reads (%d): take the finwait that wrote it, or a newer one", *head.Version, Version)
	}
	return nil
}

// located says where the text is wrong.
func located(err error, text []byte) error {
	var syntax *json.SyntaxError
	var misfit *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("the report is empty")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("truncated: the report ends too early, %s", position(text, int64(len(text))))
	case errors.As(err, &syntax):
		return fmt.Errorf("malformed JSON %s: %w", position(text, syntax.Offset), err)
	case errors.As(err, &misfit) && misfit.Field != "":
		return fmt.Errorf("unexpected %s in %s, %s", misfit.Value, misfit.Field, position(text, misfit.Offset))
	}
	return inLab(err, text)
}

// inLab says which lab an error is in that does not tell its place.
func inLab(err error, text []byte) error {
	var run struct{ Labs []json.RawMessage }
	if json.Unmarshal(text, &run) != nil {
		return err
	}
	for i, lab := range run.Labs {
		if err := json.Unmarshal(lab, new(Lab)); err != nil {
			return fmt.Errorf("lab %d: %w", i+1, err)
		}
	}
	return err
}

// position is that of the last of so many bytes.
func position(text []byte, offset int64) string {
	read := text[:min(max(offset, 0), int64(len(text)))]
	return fmt.Sprintf("in line %d, at byte %d", 1+bytes.Count(bytes.TrimSuffix(read, []byte("\n")), []byte("\n")), len(read))
}
