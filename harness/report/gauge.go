package report

// A gauge shows where an end fell beside its window, 120 units wide. A window
// that is predicted takes the middle third, and what lies outside is drawn the
// closer to the edge the farther it is from the window.
type gauge struct {
	Class   string
	Windows []stretched
	// Lasted is the interval of the end; of a state that is not over it begins
	// at the left, and Open says that it goes on.
	Lasted stretched
	Open   bool
	Label  string
}

// Stretched is a part of the width.
type stretched struct{ X, Width int }

const (
	gaugeWidth  = 120
	gaugeMargin = 4
)

// gaugeOf is nil where nothing was judged by time.
func gaugeOf(v Verdict) *gauge {
	if len(v.Window) == 0 && v.Over {
		return nil
	}
	g := &gauge{Class: v.class(), Open: !v.Over, Label: "lasted " + v.lasted()}
	if len(v.Window) == 0 {
		g.Lasted = stretched{gaugeMargin, gaugeWidth - 2*gaugeMargin}
		return g
	}
	g.Label += ", " + v.distance()
	for _, span := range v.Window {
		g.Windows = append(g.Windows, v.stretched(span, 2))
	}
	g.Lasted = v.stretched(v.Lasted, 3)
	if g.Open {
		end := g.Lasted.X + g.Lasted.Width
		g.Lasted = stretched{gaugeMargin, end - gaugeMargin}
	}
	return g
}

// stretched is where the interval is drawn, no narrower than can be seen.
func (v Verdict) stretched(i Interval, least int) stretched {
	x, end := v.onGauge(i.Min), v.onGauge(i.Max)
	if end-x < float64(least) {
		x = (x + end - float64(least)) / 2
		end = x + float64(least)
	}
	return stretched{int(x + 0.5), max(least, int(end-x+0.5))}
}

// onGauge is where a moment is drawn.
func (v Verdict) onGauge(s Seconds) float64 {
	const third = gaugeWidth / 3
	opens, closes := v.Window[0].Min, v.Window[len(v.Window)-1].Max
	width := float64(max(closes-opens, 1))
	switch {
	case s < opens:
		far := float64(opens - s)
		return third - (third-gaugeMargin)*far/(far+width)
	case s > closes:
		far := float64(s - closes)
		return 2*third + (third-gaugeMargin)*far/(far+width)
	}
	return third + third*float64(s-opens)/width
}

// class is how the verdict is shown.
func (v Verdict) class() string {
	switch {
	case v.Passed:
		return "good"
	case v.Outcome == string(Inconclusive):
		return "unclear"
	}
	return "bad"
}
