package bench

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

type plotLine struct {
	name   string
	style  int // a colour and a mark; of one tree the same in all plots
	points [][2]float64
}

// Okabe and Ito's colours, which colour-blind people tell apart; lines differ
// in their marks, too.
var plotColours = []string{"#009e73", "#0072b2", "#d55e00", "#cc79a7", "#e69f00", "#56b4e9", "#6b7280", "#8b5cf6"}

// plot draws lines over sizes, both axes logarithmic.
func plot(title, unit string, lines []plotLine) []byte {
	const width, height, left, right, top, bottom = 780, 420, 100, 190, 64, 48
	minX, maxX, minY, maxY := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, line := range lines {
		for _, p := range line.points {
			minX, maxX = min(minX, p[0]), max(maxX, p[0])
			minY, maxY = min(minY, p[1]), max(maxY, p[1])
		}
	}
	if minX == maxX {
		maxX = minX * 10
	}
	lowY, highY := math.Floor(math.Log10(minY)-0.05), math.Ceil(math.Log10(maxY)+0.05)
	x := func(v float64) float64 {
		return left + (width-left-right)*(math.Log10(v)-math.Log10(minX))/(math.Log10(maxX)-math.Log10(minX))
	}
	y := func(v float64) float64 {
		return height - bottom - (height-top-bottom)*(math.Log10(v)-lowY)/(highY-lowY)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s against the number of leaves">
<style>
  svg { background: #fff; font: 12px system-ui, "DejaVu Sans", sans-serif; }
  text { fill: #1c1d20; } .soft { fill: #5d626b; } .grid { stroke: #e3e6ea; } .title { font-size: 15px; font-weight: 600; }
  @media (prefers-color-scheme: dark) { svg { background: #14161a; } text { fill: #eceef1; } .soft { fill: #a2a9b4; } .grid { stroke: #2d323b; } }
</style>
<text class="title" x="16" y="24">%s</text>
<text class="soft" x="16" y="40">%s; both axes logarithmic</text>
`, width, height, title, title, unit)
	for power := lowY; power <= highY; power++ {
		v := math.Pow(10, power)
		fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text class="soft" x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n",
			left, width-right, y(v), y(v), left-8, y(v)+4, axisNumber(v))
	}
	for _, size := range sizesOf(lines, func(p, q float64) bool { return math.Abs(x(p)-x(q)) < 72 }) {
		fmt.Fprintf(&b, `<text class="soft" x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", x(size), height-bottom+20, axisNumber(size))
	}
	fmt.Fprintf(&b, `<text class="soft" x="%d" y="%d" text-anchor="middle">leaves</text>`+"\n", (left+width-right)/2, height-8)
	for _, line := range lines {
		line.draw(&b, x, y)
	}
	// Names stand beside the last points, in their order, and apart.
	slices.SortStableFunc(lines, func(p, q plotLine) int { return cmp.Compare(q.last()[1], p.last()[1]) })
	places := make([]float64, len(lines))
	for i, line := range lines {
		places[i] = y(line.last()[1])
		if i > 0 {
			places[i] = max(places[i], places[i-1]+15)
		}
	}
	for i, lowest := len(lines)-1, float64(height-bottom); i >= 0; i, lowest = i-1, lowest-15 {
		places[i] = min(places[i], lowest)
	}
	for i, line := range lines {
		px, py := x(line.last()[0]), y(line.last()[1])
		dashes := ""
		if px < width-right-1 { // a line that ends early
			dashes = ` stroke-dasharray="2 4"`
		}
		fmt.Fprintf(&b, `<line x1="%.1f" x2="%d" y1="%.1f" y2="%.1f" stroke="%s"%s/><text x="%d" y="%.1f">%s</text>`+"\n",
			px+6, width-right+14, py, places[i], line.colour(), dashes, width-right+18, places[i]+4, line.name)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// sizesOf are the sizes to write below the axis, the largest first: all but those too
// close to a larger one.
func sizesOf(lines []plotLine, close func(p, q float64) bool) (sizes []float64) {
	var all []float64
	for _, line := range lines {
		for _, p := range line.points {
			all = append(all, p[0])
		}
	}
	slices.Sort(all)
	for _, size := range slices.Backward(slices.Compact(all)) {
		if len(sizes) == 0 || !close(size, sizes[len(sizes)-1]) {
			sizes = append(sizes, size)
		}
	}
	return sizes
}

func (line plotLine) last() [2]float64 { return line.points[len(line.points)-1] }

func (line plotLine) colour() string { return plotColours[line.style%len(plotColours)] }

// draw draws the line, with a mark at each point.
func (line plotLine) draw(b *bytes.Buffer, x, y func(float64) float64) {
	var path strings.Builder
	for k, p := range line.points {
		fmt.Fprintf(&path, "%s%.1f %.1f", map[bool]string{true: "M", false: "L"}[k == 0], x(p[0]), y(p[1]))
	}
	fmt.Fprintf(b, `<path d="%s" fill="none" stroke="%s" stroke-width="2.5"/>`+"\n", path.String(), line.colour())
	for _, p := range line.points {
		px, py := x(p[0]), y(p[1])
		switch line.style % 3 {
		case 0:
			fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="4.5" fill="%s"/>`+"\n", px, py, line.colour())
		case 1:
			fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="8" height="8" fill="%s"/>`+"\n", px-4, py-4, line.colour())
		case 2:
			fmt.Fprintf(b, `<path d="M%.1f %.1fl5 9h-10z" fill="%s"/>`+"\n", px, py-5, line.colour())
		}
	}
}

func axisNumber(v float64) string {
	if v < 1 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	return grouped(v)
}
