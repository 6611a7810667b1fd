//go:build !race

package fault

const weekDays = 7
