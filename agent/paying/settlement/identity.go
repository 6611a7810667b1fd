package settlement

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"pdvagent/payments/boleto"
)

// What makes two records the same money (sicoob.md 6): one boleto, one received amount and no date that contradicts. These
// are what every layout has; a poll that tells more, or a CNAB file after a JSON one, tells of the same money. Within the
// files of one request no two records are the same: each takes a receipt, or a stranger, of its own.
//
// The mark of a receipt or stranger names the record that it came from, with all its fields. It finds at once what is told
// again in the same words, which is nearly everything; the comparison is for the rest, and for what earlier versions stored.

// mark names a record by its own words. The second occurrence in the files of one request gets a mark of its own.
func (r *reading) mark(s boleto.Return) string {
	text := fmt.Appendf(nil, "LIQUI|%d|%d|%d|%d|%s|%s|%s|%d", s.Client, s.Modality, s.Account, s.NossoNumero, strings.TrimSpace(s.SeuNumero), civil(laterOf(s.MovedOn, s.PaidOn)), civil(s.PaidOn), s.Received)
	if s.Raw != "" {
		text = append(text, s.Raw...)
	}
	sum := sha256.Sum256(text)
	mark := hex.EncodeToString(sum[:12])
	if n := r.seen.count(binary.BigEndian.Uint64(sum[:])); n > 1 {
		return fmt.Sprintf("%s/%d", mark, n)
	}
	return mark
}

// laterOf gives the day of the bank's processing, which is the day of the payment where the record has no other.
func laterOf(moved, paid time.Time) time.Time {
	if moved.IsZero() {
		return paid
	}
	return moved
}

// cutMark gives a mark's record and its occurrence.
func cutMark(mark string) (hash uint64, n int) {
	name, ordinal, _ := strings.Cut(mark, "/")
	raw, err := hex.DecodeString(name)
	if err != nil || len(raw) < 8 {
		return 0, 1
	}
	n, _ = strconv.Atoi(ordinal)
	return binary.BigEndian.Uint64(raw), max(n, 1)
}

// hashOf is a mark among those that are claimed.
func hashOf(mark string) uint64 {
	hash, n := cutMark(mark)
	return hash + uint64(n)*0x9e3779b97f4a7c15
}

// isClaimed tells a mark that a record of another form was found to be.
func (w *work) isClaimed(mark string) bool {
	return slices.Contains(w.claims, mark) || w.reading.claimed.has(hashOf(mark)) > 0
}

// isTaken tells a receipt or stranger that an earlier record of this request's files is.
func (w *work) isTaken(mark string) bool {
	hash, n := cutMark(mark)
	return w.isClaimed(mark) || w.reading.seen.has(hash) >= n
}

// days are the days that a record tells.
type days struct{ paid, moved string }

// same tells whether no day contradicts another. A record with one day may mean either.
func (d days) same(o days) bool {
	switch {
	case d.paid == "" || o.paid == "":
		return true
	case d.moved != "" && o.moved != "":
		return d == o
	case o.moved == "":
		return d.paid == o.paid || d.moved == o.paid
	}
	return d.paid == o.paid || d.paid == o.moved
}

func daysOf(s boleto.Return) days { return days{civil(s.PaidOn), civil(s.MovedOn)} }

// days of a receipt: earlier versions stored the one day of a CNAB file twice.
func (r Receipt) days() days {
	if r.MovedOn == r.PaidOn && strings.HasPrefix(r.Means, "CNAB ") {
		return days{paid: r.PaidOn}
	}
	return days{r.PaidOn, r.MovedOn}
}

// receipted tells whether a boleto has the money of a record, as a receipt that no earlier record of this request's files is.
func (w *work) receipted(b Boleto, s boleto.Return, mark string) bool {
	for _, exact := range []bool{true, false} {
		for _, r := range b.Receipts {
			if (r.Mark == mark) != exact || r.Received != s.Received || !r.days().same(daysOf(s)) || exact && w.isClaimed(mark) || !exact && w.isTaken(r.Mark) {
				continue
			}
			if !exact {
				w.claims = append(w.claims, r.Mark)
			}
			return true
		}
	}
	return false
}

// free gives a mark that no receipt of the boleto has.
func free(b Boleto, mark string) string {
	return freeMark(mark, func(mark string) bool {
		return slices.ContainsFunc(b.Receipts, func(r Receipt) bool { return r.Mark == mark })
	})
}

// freeMark counts a mark's occurrence up until it is not taken.
func freeMark(mark string, taken func(string) bool) string {
	name, _, _ := strings.Cut(mark, "/")
	for _, n := cutMark(mark); taken(mark); {
		n++
		mark = fmt.Sprintf("%s/%d", name, n)
	}
	return mark
}

// sameMoney tells whether a stranger is the money of a record.
func (s Stranger) sameMoney(r boleto.Return) bool {
	differ := func(a, b int64) bool { return a != 0 && b != 0 && a != b }
	return s.Return.Received == r.Received && s.Return.Fault == r.Fault && s.Return.Raw == r.Raw && daysOf(s.Return).same(daysOf(r)) &&
		!differ(s.Return.Client, r.Client) && !differ(int64(s.Return.Modality), int64(r.Modality))
}

// whoOf names the boleto of a record for the list of its strangers; empty: nothing in the record does.
func whoOf(s boleto.Return) string {
	nosso := s.NossoNumero
	if nosso == 0 {
		nosso = numberIn(s.Barcode)
	}
	if nosso > 0 {
		return strconv.FormatInt(nosso, 10)
	}
	if text := cmp.Or(s.Barcode, strings.TrimSpace(s.SeuNumero)); text != "" {
		return "#" + text // no nosso número begins so
	}
	return ""
}
