package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func written(t *testing.T, run Run) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, run.Write(&b))
	return b.String()
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	t.Parallel()
	want := fixture()
	got, err := Read(strings.NewReader(written(t, want)))
	require.NoError(t, err)
	for i := range want.Labs {
		want.Labs[i] = want.Labs[i].listed()
	}
	assert.Equal(t, want, got)
}

func TestEachLabIsOnALineOfItsOwn(t *testing.T) {
	t.Parallel()
	run := fixture()
	lines := strings.Split(strings.TrimSuffix(written(t, run), "\n"), "\n")
	require.Len(t, lines, len(run.Labs)+2)
	for i, lab := range run.Labs {
		var got Lab
		require.NoError(t, json.Unmarshal([]byte(strings.TrimSuffix(lines[i+1], ",")), &got))
		assert.Equal(t, lab.Test, got.Test)
	}
}

func TestListsAreEmptyNotNull(t *testing.T) {
	t.Parallel()
	run := Run{Labs: []Lab{
		{Test: "TestA", Result: Skipped},
		{Test: "TestB", Result: Passed, Verdicts: []Verdict{{Like: []Rival{{Name: "none"}}}}},
	}}
	text := written(t, run)
	assert.NotContains(t, text, "null")
	assert.Contains(t, text, `"window":[]`)
	assert.Nil(t, run.Labs[1].Verdicts[0].Like[0].Window, "the run itself stays as it was")
	assert.JSONEq(t, `[]`, jsonOf(t, written(t, Run{}), "labs"))
}

func jsonOf(t *testing.T, text, field string) string {
	t.Helper()
	var fields map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(text), &fields))
	return string(fields[field])
}

func TestTheVersionIsThatOfThePackage(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "1", jsonOf(t, written(t, Run{}), "version"))
}

func TestTextIsWrittenForPeople(t *testing.T) {
	t.Parallel()
	text := written(t, Run{Kernel: "6.1 <& ✗>"})
	assert.Contains(t, text, "6.1 <& ✗>")
}

func TestFieldsOfALaterVersionAreIgnored(t *testing.T) {
	t.Parallel()
	run, err := Read(strings.NewReader(`{"version":1,"weather":{"rain":true},"labs":[{"test":"TestA","result":"passed","mood":"good"}]}`))
	require.NoError(t, err)
	assert.Equal(t, []Lab{{Test: "TestA", Result: Passed}}, run.Labs)
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	lab := func(fields string) string {
		return "{\"version\":1,\"labs\":[\n{\"test\":\"TestA\",\"result\":\"passed\"" + fields + "}\n]}\n"
	}
	for name, test := range map[string]struct{ text, says string }{
		"nothing":               {"", "the report is empty"},
		"spaces":                {" \n\n", "the report is empty"},
		"half a report":         {"{\"version\":1,\n\"labs\":[", "truncated: the report ends too early, in line 2, at byte 22"},
		"half a word":           {`{"version":1,"kernel":"6.`, "truncated: the report ends too early, in line 1, at byte 25"},
		"no JSON":               {"finwait: Linux 6.18", "malformed JSON in line 1, at byte 2: invalid character 'i' in literal false (expecting 'a')"},
		"a comma too many":      {"{\"version\":1,\n\"hz\":,}", "malformed JSON in line 2, at byte 20: invalid character ',' looking for beginning of value"},
		"two reports":           {"{\"version\":1}\n{\"version\":1}", "malformed JSON in line 2, at byte 15: invalid character '{' after top-level value"},
		"no object":             {"[1]", "not a report of finwait: it says no version"},
		"no version":            {`{"labs":[]}`, "not a report of finwait: it says no version"},
		"a version in words":    {`{"version":"one"}`, "not a report of finwait: it says no version"},
		"version null":          {`{"version":null}`, "not a report of finwait: it says no version"},
		"version 0":             {`{"version":0}`, "not a report of finwait: there is no version 0"},
		"a newer version":       {`{"version":3,"labs":"elsewhere"}`, "version 3 is newer than this finwait reads (1): take the finwait that wrote it, or a newer one"},
		"a wrong type":          {"{\"version\":1,\n\"hz\":\"many\"}", "unexpected string in hz, in line 2, at byte 25"},
		"a wrong type inside":   {lab(`,"verdicts":[{"over":3}]`), "unexpected number in labs.verdicts.over, in line 2, at byte 77"},
		"a moment in words":     {lab(`,"took":"long"`), "lab 1: reading seconds: json: cannot unmarshal string into Go value of type float64"},
		"a moment far away":     {lab(`,"took":1e300`), "lab 1: reading seconds: 1e+300 is out of range"},
		"a start in words":      {`{"version":1,"took":"long"}`, "reading seconds: json: cannot unmarshal string into Go value of type float64"},
		"labs that are no list": {`{"version":1,"took":"long","labs":3}`, "reading seconds: json: cannot unmarshal string into Go value of type float64"},
		"a lab without a name":  {`{"version":1,"labs":[{"result":"passed"}]}`, "lab 1 names no test"},
		"a lab twice":           {`{"version":1,"labs":[{"test":"TestA","result":"passed"},{"test":"TestA","result":"failed"}]}`, `lab "TestA" is there twice`},
		"an unknown result":     {`{"version":1,"labs":[{"test":"TestA","result":"fine"}]}`, `lab "TestA": unknown result "fine"`},
		"no result":             {`{"version":1,"labs":[{"test":"TestA"}]}`, `lab "TestA": unknown result ""`},
		"a segment of nowhere":  {lab(`,"segments":[{"from":"client","sent":1},{"from":"client"}]`), `lab "TestA": segment 2 was neither sent, nor did it arrive`},
		"a window backwards":    {lab(`,"verdicts":[{"host":"client","ending":"FIN_WAIT_1","window":[{"min":1,"max":2},{"min":4,"max":3}]}]`), `lab "TestA": verdict on "FIN_WAIT_1" of the "client": window ends before it begins: 4.000 s to 3.000 s`},
		"a rival backwards":     {lab(`,"verdicts":[{"like":[{"name":"no probe","window":[{"min":4,"max":3}]}]}]`), `lab "TestA": verdict on "" of the "": window of "no probe" ends before it begins: 4.000 s to 3.000 s`},
		"an end before itself":  {lab(`,"verdicts":[{"lasted":{"min":4,"max":3}}]`), `lab "TestA": verdict on "" of the "": lasted ends before it begins: 4.000 s to 3.000 s`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Read(strings.NewReader(test.text))
			require.Error(t, err)
			assert.Equal(t, test.says, err.Error())
		})
	}
}

func TestWhatEndsTooEarlyIsTruncated(t *testing.T) {
	t.Parallel()
	run := fixture()
	run.Labs = run.Labs[:2]
	text := written(t, run)
	for end := 1; end < len(text)-1; end++ {
		_, err := Read(strings.NewReader(text[:end]))
		require.ErrorContains(t, err, "truncated: the report ends too early", "at %d", end)
	}
}

var errBroken = errors.New("the disk is full")

type brokenDisk struct{}

func (brokenDisk) Write([]byte) (int, error) { return 0, errBroken }
func (brokenDisk) Read([]byte) (int, error)  { return 0, errBroken }

func TestWhatCannotBeWrittenOrReadIsTold(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, Run{}.Write(brokenDisk{}), errBroken)
	_, err := Read(brokenDisk{})
	require.ErrorIs(t, err, errBroken)
}

// The documentation is the schema that others read results.json by.
func TestEveryFieldIsDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	_, schema, found := strings.Cut(string(doc), "# results.json")
	require.True(t, found)
	var names, texts []string
	words := func(text string) []string {
		return strings.FieldsFunc(text, func(r rune) bool { return (r < 'a' || r > 'z') && r != '_' })
	}
	for line := range strings.Lines(schema) {
		if line, found := strings.CutPrefix(line, "//\t"); found {
			name, text, _ := strings.Cut(line, "  ")
			names, texts = append(names, words(name)...), append(texts, words(text)...)
		}
	}
	inline := []reflect.Type{reflect.TypeFor[Noise](), reflect.TypeFor[Rival]()}
	var walk func(reflect.Type)
	walk = func(of reflect.Type) {
		for of.Kind() == reflect.Slice || of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct || of == reflect.TypeFor[time.Time]() || of == reflect.TypeFor[Interval]() {
			return
		}
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
			if slices.Contains(inline, of) {
				assert.Contains(t, texts, name, "%v", of)
			} else {
				assert.Contains(t, names, name, "%v", of)
			}
			walk(of.Field(i).Type)
		}
	}
	walk(reflect.TypeFor[Run]())
}

func FuzzRead(f *testing.F) {
	for _, lab := range []Lab{resetLab(), lostLab(), unclearLab(), skippedLab()} {
		var b bytes.Buffer
		if err := (Run{Labs: []Lab{lab}}).Write(&b); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add([]byte(`{"version":1,"labs":[{"test":"TestA","result":"passed","segments":[{"arrived":-1,"flags":"x y"}],"notes":[{"call":true}]}]}`))
	f.Add([]byte(`{"version":1,"labs":[{"test":"TestA","result":"failed","verdicts":[{"window":[{"min":1,"max":2}],"rto":1e9,"over":true}]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		run, err := Read(bytes.NewReader(text))
		if err != nil {
			assert.NotContains(t, err.Error(), "\n")
			return
		}
		for _, lab := range run.Labs {
			Timeline(lab)
		}
		Summary(run)
		comparison := Compare([]Run{run, run}, []string{"A", "B"})
		assert.False(t, comparison.Worse())
		assert.Empty(t, comparison.differing())

		first := written(t, run)
		again, err := Read(strings.NewReader(first))
		require.NoError(t, err)
		assert.Equal(t, first, written(t, again))
	})
}
