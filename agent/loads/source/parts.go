package source

import (
	"cmp"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// part is which part of a load a file's name says that it is.
type part struct {
	number, total int  // total 0: the name does not say
	sure          bool // the name says "part", or of how many
}

var (
	ofTotal  = regexp.MustCompile(`(?i)[ _.-]*(?:parte?|pt|bloco|lote)?[ _.-]*0*([0-9]{1,3})[ _-]?(?:de|of)[ _-]?0*([0-9]{1,3})(?:[^0-9]|$)`)
	partWord = regexp.MustCompile(`(?i)(?:^|[^\pL])(?:parte?|pt|bloco|lote)[ _.-]*0*([0-9]{1,3})(?:[^0-9]|$)`)
	lastNum  = regexp.MustCompile(`(?:^|[^0-9(])0*([0-9]{1,3})$`)
)

// partIn reads a name without its date; a copy that a browser or Windows numbered is no part.
func partIn(name string) (part, bool) {
	name = strings.TrimSuffix(name, filepath.Ext(name))
	name = dayFirst.ReplaceAllString(yearFirst.ReplaceAllString(name, ""), "")
	if match := ofTotal.FindStringSubmatch(name); match != nil {
		number, _ := strconv.Atoi(match[1]) // the pattern is right
		total, _ := strconv.Atoi(match[2])
		return part{number, total, true}, true
	}
	match, sure := partWord.FindStringSubmatch(name), true
	if match == nil {
		match, sure = lastNum.FindStringSubmatch(name), false
	}
	if match == nil || copied.MatchString(name) {
		return part{}, false
	}
	number, _ := strconv.Atoi(match[1]) // the pattern is right
	return part{number, 0, sure}, true
}

// apart is how long lies between two exports of everything; the parts of one load are written together.
const apart = time.Hour

// parts splits the files of one full load, oldest first, into groups of which each one's last is read: the parts of the newest
// load, or its one file. The older files stand before the last of them. Of what is doubtful nothing is read: the last one says
// why.
func parts(group []candidate) [][]candidate {
	last := len(group) - 1
	from := newestOf(group)
	newest := group[from:]
	list := make([]part, len(newest))
	known, sure := 0, false
	for i, c := range newest {
		p, ok := partIn(c.name)
		if list[i] = p; ok {
			known++
			sure = sure || p.sure
		}
	}
	if !sure && (known < len(newest) || len(newest) == 1 || !inARow(list)) {
		return [][]candidate{group} // exports of everything: the newest holds
	}
	why := fmt.Sprintf("não se sabe se %s são partes de uma só carga ou cada um traz tudo; dê às partes nomes como produtos_1de2 e produtos_2de2, ou a data a cada exportação", namesOf(newest))
	if sure {
		why = incomplete(newest, list, known)
	}
	if why != "" {
		group[last].unready = cmp.Or(group[last].unready, why)
		return [][]candidate{group}
	}
	var groups [][]candidate
	for _, c := range newest[:len(newest)-1] {
		groups = append(groups, []candidate{c})
	}
	return append(groups, append(slices.Clone(group[:from]), newest[len(newest)-1]))
}

// newestOf gives where the files of the newest load begin: those of its date; without one, those that were written together,
// and every one that names itself a part.
func newestOf(group []candidate) int {
	from := len(group) - 1
	for ; from > 0; from-- {
		before, after := group[from-1], group[from]
		p, _ := partIn(before.name)
		together := time.Duration(after.state.changed-before.state.changed).Abs() < apart
		if dateIn(before.name) != dateIn(after.name) || (!together && !p.sure) {
			break
		}
	}
	return from
}

// inARow tells whether numbers are those of a row that begins with 0 or 1.
func inARow(list []part) bool {
	var numbers []int
	for _, p := range list {
		numbers = append(numbers, p.number)
	}
	slices.Sort(numbers)
	for i, n := range numbers {
		if n != numbers[0]+i {
			return false
		}
	}
	return numbers[0] <= 1
}

// incomplete gives why files that name themselves parts are not one whole load; empty when they are.
func incomplete(files []candidate, list []part, known int) string {
	total := 0
	for _, p := range list {
		total = max(total, p.total)
	}
	have := make(map[int]bool)
	mixed := known < len(files)
	for _, p := range list {
		mixed = mixed || have[p.number] || (p.total != total && total > 0)
		have[p.number] = true
	}
	if mixed {
		return fmt.Sprintf("%s não são as partes de uma só carga; deixe na pasta só as da mais nova", namesOf(files))
	}
	first := 1
	if have[0] && total == 0 {
		first = 0
	}
	var missing []string
	for n := first; n <= max(total, first+len(list)-1); n++ {
		if !have[n] {
			missing = append(missing, strconv.Itoa(n))
		}
	}
	switch {
	case len(missing) > 0 && total > 0:
		return fmt.Sprintf("falta a parte %s de %d; a carga é lida quando todas estiverem na pasta", strings.Join(missing, ", "), total)
	case len(missing) > 0:
		return fmt.Sprintf("falta a parte %s; a carga é lida quando todas estiverem na pasta", strings.Join(missing, ", "))
	}
	return ""
}

// namesOf names files, the first few of many.
func namesOf(list []candidate) string {
	const shown = 3
	var names []string
	for _, c := range list[:min(len(list), shown)] {
		names = append(names, c.name)
	}
	if len(list) > shown {
		names = append(names, fmt.Sprintf("e mais %d", len(list)-shown))
	}
	return strings.Join(names, ", ")
}
