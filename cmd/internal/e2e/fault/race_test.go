//go:build race

package fault

// weekDays is short here: the race detector makes a day of a shop ten times as long.
const weekDays = 1
