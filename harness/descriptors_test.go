package harness

import (
	"testing"

	"github.com/finwait/finwait/harness/tcp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEnoughDescriptors(t *testing.T) {
	t.Parallel()
	require.NoError(t, compareDescriptors(10, 300))
	require.EqualError(t, compareDescriptors(10, 299),
		"10 labs at once need 300 descriptors, this process may open 299: raise the hard limit with ulimit -Hn 300, or pass -parallel=9, which takes longer")
	require.EqualError(t, compareDescriptors(1, 64),
		"1 labs at once need 120 descriptors, this process may open 64: raise the hard limit with ulimit -Hn 120")
	require.NoError(t, enoughDescriptors(1), "of this machine")
}

// What is asked for is enough: a lab with a connection and a freeze holds no more.
func TestDescriptorsOfALab(t *testing.T) { // not beside others: it counts those of the process
	lab(t, tcp.Gone, nil) // whatever the first one opens for good is open
	before := openDescriptors(t)
	conn, _ := lab(t, tcp.Gone, nil).Connect(t)
	conn.host.Freeze(t)
	held := openDescriptors(t) - before
	t.Logf("%d descriptors", held)
	assert.Greater(t, held, 5)
	assert.LessOrEqual(t, held, descriptorsPerLab)
}
