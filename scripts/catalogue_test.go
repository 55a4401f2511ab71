package scripts

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The catalogue is cases/README.md, a page for readers, and the table of files
// in the documentation of package cases. Both are written by hand; these tests
// fail when they no longer fit the cases and the model.

const casesDir = "../cases"

// A caseTest is a Test function of the cases.
type caseTest struct{ name, file, synopsis string }

// link is how the catalogue names the test.
func (c caseTest) link() string { return fmt.Sprintf("[%s](%s)", c.name, c.file) }

// row is a row for the test, for want of a better one.
func (c caseTest) row() string { return fmt.Sprintf("| … | %s | … | %s |", c.synopsis, c.link()) }

// caseTests are those of all files, in the order of files and functions.
func caseTests(t *testing.T) []caseTest {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(casesDir, "*_test.go"))
	require.NoError(t, err)
	var tests []caseTest
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		require.NoError(t, err)
		for _, declaration := range file.Decls {
			function, is := declaration.(*ast.FuncDecl)
			if !is || !strings.HasPrefix(function.Name.Name, "Test") || function.Name.Name == "TestMain" {
				continue
			}
			synopsis := new(doc.Package).Synopsis(function.Doc.Text())
			tests = append(tests, caseTest{function.Name.Name, filepath.Base(path), synopsis})
		}
	}
	require.NotEmpty(t, tests)
	return tests
}

func catalogue(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(casesDir, "README.md"))
	require.NoError(t, err)
	return string(page)
}

func TestCatalogueHasEveryCase(t *testing.T) {
	complain(t, wrongCases(catalogue(t), caseTests(t)))
}

var (
	anyTest = regexp.MustCompile(`\bTest[A-Z]\w*`)
	target  = regexp.MustCompile(`\]\(([^)#:]+)\)`)
)

// wrongCases are the tests without a row, the names that are not linked to
// their file, and the links to files that do not exist.
func wrongCases(page string, tests []caseTest) (complaints []string) {
	rest := page
	for _, test := range tests {
		inRow := func(line string) bool { return strings.HasPrefix(line, "|") && strings.Contains(line, test.link()) }
		if !slices.ContainsFunc(strings.Split(page, "\n"), inRow) {
			complaints = append(complaints, "no row for a case; it could be\n"+test.row())
		}
		rest = strings.ReplaceAll(rest, test.link(), "")
	}
	for _, name := range anyTest.FindAllString(rest, -1) {
		i := slices.IndexFunc(tests, func(test caseTest) bool { return test.name == name })
		if i < 0 {
			complaints = append(complaints, "there is no "+name)
		} else {
			complaints = append(complaints, fmt.Sprintf("%s is not linked to its file; write\n%s", name, tests[i].link()))
		}
	}
	for _, match := range target.FindAllStringSubmatch(rest, -1) {
		if _, err := os.Stat(filepath.Join(casesDir, match[1])); err != nil {
			complaints = append(complaints, err.Error())
		}
	}
	return complaints
}

func TestPackageDocumentationHasEveryFile(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(casesDir, "doc.go"), nil, parser.ParseComments)
	require.NoError(t, err)
	complain(t, wrongFiles(file.Doc.Text(), caseTests(t)))
}

// wrongFiles are the files of cases that the preformatted text lacks, and those
// that it has in excess or twice.
func wrongFiles(text string, tests []caseTest) (complaints []string) {
	documented := map[string]int{}
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); strings.HasPrefix(line, "\t") && len(fields) > 1 {
			documented[fields[0]]++
		}
	}
	exist := map[string]bool{}
	for _, test := range tests {
		if !exist[test.file] && documented[test.file] == 0 {
			complaints = append(complaints, fmt.Sprintf("no line for a file; it could be\n//\t%-31s %s", test.file, test.synopsis))
		}
		exist[test.file] = true
	}
	for _, file := range slices.Sorted(maps.Keys(documented)) {
		switch {
		case !exist[file]:
			complaints = append(complaints, fmt.Sprintf("a line for %s, which is no file of cases", file))
		case documented[file] > 1:
			complaints = append(complaints, fmt.Sprintf("%d lines for %s", documented[file], file))
		}
	}
	return complaints
}

// searchNames are what people search the web for: the states as netstat, ss and RFC 9293
// spell them, and otherwise; what rules them; and what a program is told.
var searchNames = []string{
	"ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING",
	"ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "UNCONN", "CLOSE-WAIT", "LAST-ACK",
	"SYN-RECEIVED", "CLOSED", "LAST_WAIT", "FIN_WAIT_1", "FIN_WAIT_2", "TIMEWAIT", "CLOSEWAIT", "SYN_RCVD", "LISTENING",
	"tcp_fin_timeout", "tcp_orphan_retries", "tcp_retries2",
	"TCP_LINGER2", "TCP_USER_TIMEOUT", "SO_LINGER", "EADDRINUSE", "ECONNRESET", "EPIPE", "ETIMEDOUT",
}

func TestCatalogueHasSearchNames(t *testing.T) {
	complain(t, missingNames(catalogue(t)))
}

func missingNames(page string) (complaints []string) {
	for _, name := range searchNames {
		if !regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`).MatchString(page) {
			complaints = append(complaints, name+" is not found on the page, and people search for it")
		}
	}
	return complaints
}

// defaultEnds are the rows of the table of times, by their first cell.
var defaultEnds = []struct {
	row    string
	ending tcp.Ending
}{
	{"SYN_SENT", tcp.Ending{State: tcp.SynSent}},
	{"SYN_RECV", tcp.Ending{State: tcp.SynRecv}},
	{"ESTABLISHED, idle", tcp.Ending{State: tcp.Established}},
	{"ESTABLISHED, idle, SO_KEEPALIVE, peer dead", tcp.Ending{State: tcp.Established, Options: tcp.Options{Keepalive: true}}},
	{"ESTABLISHED, data unacknowledged", tcp.Ending{State: tcp.Established, Hold: tcp.DataInFlight}},
	{"ESTABLISHED, zero window, peer silent", tcp.Ending{State: tcp.Established, Hold: tcp.ZeroWindow}},
	{"ESTABLISHED, zero window, peer answers probes", tcp.Ending{State: tcp.Established, Hold: tcp.ZeroWindowAnswered}},
	{"CLOSE_WAIT", tcp.Ending{State: tcp.CloseWait}},
	{"CLOSE_WAIT, SO_KEEPALIVE, peer dead", tcp.Ending{State: tcp.CloseWait, Options: tcp.Options{Keepalive: true}}},
	{"FIN_WAIT_1, closed", tcp.Ending{State: tcp.FinWait1}},
	{"FIN_WAIT_1, half-closed", tcp.Ending{State: tcp.FinWait1, Owned: true}},
	{"FIN_WAIT_1, closed, zero window, peer silent", tcp.Ending{State: tcp.FinWait1, Hold: tcp.ZeroWindow}},
	{"FIN_WAIT_1, closed, zero window, peer answers probes", tcp.Ending{State: tcp.FinWait1, Hold: tcp.ZeroWindowAnswered}},
	{"FIN_WAIT_2, closed", tcp.Ending{State: tcp.FinWait2}},
	{"FIN_WAIT_2, half-closed", tcp.Ending{State: tcp.FinWait2, Owned: true}},
	{"FIN_WAIT_2, half-closed, SO_KEEPALIVE, peer dead", tcp.Ending{State: tcp.FinWait2, Owned: true, Options: tcp.Options{Keepalive: true}}},
	{"CLOSING, closed", tcp.Ending{State: tcp.Closing}},
	{"LAST_ACK, closed", tcp.Ending{State: tcp.LastAck}},
	{"LAST_ACK, half-closed", tcp.Ending{State: tcp.LastAck, Owned: true}},
	{"TIME_WAIT", tcp.Ending{State: tcp.TimeWait}},
}

// The table of times is that of the default settings, the newest release, HZ
// 250 and an idle wire.
func TestCatalogueHasDefaultTimes(t *testing.T) {
	complain(t, wrongTimes(catalogue(t)))
}

// timesColumn heads the column of times.
const timesColumn = "after, by default"

func wrongTimes(page string) (complaints []string) {
	head, rows := table(page, timesColumn)
	column := slices.Index(head, timesColumn)
	model := tcp.Model{HZ: 250, Settings: tcp.DefaultSettings()}
	for _, end := range defaultEnds {
		right := tenths(model.Window(end.ending, model.IdleSocket()))
		i := slices.IndexFunc(rows, func(row []string) bool { return row[0] == end.row })
		if i < 0 {
			complaints = append(complaints, fmt.Sprintf("no row for a state; it could be\n| %s | … | %s | … | |", end.row, right))
			continue
		}
		row := rows[i]
		rows = slices.Delete(rows, i, i+1)
		if row[column] != right {
			row[column] = right
			complaints = append(complaints, "wrong time; right is\n| "+strings.Join(row, " | ")+" |")
		}
	}
	for _, row := range rows {
		complaints = append(complaints, "a row too many, or one that defaultEnds lacks: "+row[0])
	}
	return complaints
}

// table is the first one on the page with that cell in its head.
func table(page, cell string) (head []string, rows [][]string) {
	for line := range strings.Lines(page) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case head == nil && slices.Contains(cells, cell):
			head = cells
		case head == nil, strings.HasPrefix(line, "|--"):
		case strings.HasPrefix(line, "|") && len(cells) == len(head):
			rows = append(rows, cells)
		default:
			return head, rows
		}
	}
	return head, rows
}

// tenths writes a window as the table does: "104.4 to 109.4 s", or "never".
func tenths(window tcp.Window) string {
	if window.Never() {
		return "never"
	}
	var texts []string
	for _, span := range window.Spans {
		texts = append(texts, fmt.Sprintf("%.1f to %.1f s", span.Min.Seconds(), span.Max.Seconds()))
	}
	return strings.Join(texts, " or ")
}

// Each of these changes makes the page wrong, and the complaint says how it
// would be right.
func TestCatalogueMistakesAreFound(t *testing.T) {
	page, tests := catalogue(t), caseTests(t)
	const cell = "[TestTimeWaitLength](time_wait_length_test.go)"
	wrongLink := "TestTimeWaitLength is not linked to its file; write\n" + cell
	for name, mistake := range map[string]struct{ old, wrong, complaint string }{
		"a row is missing":        {cell + " |", "|", "it could be\n| … | TIME_WAIT lasts 60 s, a constant of the kernel. | … | " + cell},
		"another file":            {cell, "[TestTimeWaitLength](time_wait_side_test.go)", wrongLink},
		"no link":                 {cell, "TestTimeWaitLength", wrongLink},
		"no such test":            {cell, "[TestTimeWaitLong](time_wait_length_test.go)", "there is no TestTimeWaitLong"},
		"no such file":            {"../README.md", "../READYOU.md", "READYOU.md: no such file"},
		"a search name":           {"LAST_WAIT", "LAST_ACK", "LAST_WAIT is not found"},
		"a time":                  {"| 104.4 to 109.4 s | as FIN_WAIT_1 | about", "| 20.0 s | as FIN_WAIT_1 | about", "| 104.4 to 109.4 s | as FIN_WAIT_1 | about 20 s |"},
		"a row of times too many": {"| CLOSING, closed |", "| LAST_WAIT, closed |", "defaultEnds lacks: LAST_WAIT, closed"},
		"no row of times":         {"| CLOSING, closed |", "| LAST_WAIT, closed |", "| CLOSING, closed | … | 104.4 to 109.4 s | … |"},
		"no table of times":       {timesColumn, "after", "| TIME_WAIT | … | 60.0 to 62.0 s | … |"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, page, mistake.old)
			wrong := strings.ReplaceAll(page, mistake.old, mistake.wrong)
			complaints := slices.Concat(wrongCases(wrong, tests), missingNames(wrong), wrongTimes(wrong))
			assert.Contains(t, strings.Join(complaints, "\n"), mistake.complaint)
		})
	}
}

// The table of files is held to the same.
func TestPackageDocumentationMistakesAreFound(t *testing.T) {
	tests := []caseTest{{"TestA", "a_test.go", "What a does."}, {"TestB", "b_test.go", ""}}
	assert.Empty(t, wrongFiles("Package.\n\n\ta_test.go  a\n\tb_test.go  b\n", tests))
	assert.Equal(t, []string{
		"no line for a file; it could be\n//\ta_test.go                       What a does.",
		"2 lines for b_test.go",
	}, wrongFiles("a_test.go outside\n\n\tb_test.go  b\n\tb_test.go  b\n", tests))
	assert.Equal(t, []string{"a line for c_test.go, which is no file of cases"},
		wrongFiles("\ta_test.go  a\n\tb_test.go  b\n\tc_test.go  c\n", tests))
}

func complain(t *testing.T, complaints []string) {
	t.Helper()
	for _, complaint := range complaints {
		assert.Fail(t, complaint)
	}
}
