package tcp

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestChangesBetween(t *testing.T) {
	t.Parallel()
	texts := func(a, b Release) (texts []string) {
		for _, c := range ChangesBetween(a, b) {
			texts = append(texts, c.String())
		}
		return texts
	}
	assert.Empty(t, texts(Release{5, 10}, Release{6, 1}))
	assert.Equal(t, []string{"tcp_syn_linear_timeouts is new (Linux 6.5)", "tcp_rto_min_us is new (Linux 6.11)"}, texts(Release{6, 1}, Release{6, 12}))
	assert.Equal(t, texts(Release{6, 12}, Release{6, 1}), texts(Release{6, 1}, Release{6, 12}), "whichever is first")
	assert.Equal(t, []string{"tcp_rto_max_ms caps the timeouts of a SYN-ACK (Linux 6.19)"}, texts(Release{6, 18}, Release{}))
}

// What an older kernel does without a sysctl is a setting's; that it is new is a change.
func TestEverySysctlThatIsNewIsAChange(t *testing.T) {
	t.Parallel()
	named := map[string]bool{}
	for _, c := range changes {
		named[c.Sysctl] = true
	}
	for _, s := range sysctls {
		assert.Equal(t, s.absent != always, named[s.name], s.name)
	}
}
