//go:build linux

package fault

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"pdvagent/cmd/internal/e2e"
)

var (
	campaign     = flag.Int("campaign", 1, "shops that live through kills, damage, full disks and hostile clouds; .ci/night takes hundreds")
	campaignFrom = flag.Int("campaign-from", 0, "number of the first of them: another number, other troubles")
)

// roundsOfAShop is how often the agent of one shop is killed before everything is counted.
const roundsOfAShop = 8

// TestAShopUnderEverythingAtOnceEndsWithEverySaleThereOnce kills a real agent again and again. While its tills sell the disk may be
// full to its last byte, and the cloud answers nonsense, holds its answer or is away; between two lives a page of the database is
// spoiled, a compaction or a salvage is killed. In the end the ledger of each shop is checked: what a till got 202 for is in the cloud once,
// each sale after its confirm.
func TestAShopUnderEverythingAtOnceEndsWithEverySaleThereOnce(t *testing.T) {
	e2e.RunAsProgram(t)
	var kills, sales, damages, full int
	for n := range *campaign {
		number := *campaignFrom + n
		if !t.Run(fmt.Sprint("shop ", number), func(t *testing.T) {
			c := &campaignedShop{killedShop: &killedShop{
				Site: e2e.NewSite(t, "per_second: 20 ", "per_second: 2000 "), ledger: newLedger(), random: rand.New(rand.NewPCG(7, uint64(number))),
			}}
			c.smallDisk()
			for round := range roundsOfAShop {
				c.round(round)
			}
			c.Clouds.Mercafacil.Heal()
			c.account(c.drainedAndDecided)
			kills, sales, damages, full = kills+c.kills, sales+len(c.ledger.sessions), damages+c.salvages, full+c.full
		}) {
			break // its folder and number are enough to look at
		}
	}
	e2e.HTTPClient.CloseIdleConnections()
	t.Logf("campaign: %d kills, %d sales, %d damaged files, %d full disks", kills, sales, damages, full)
}

// campaignedShop is a shop of the campaign.
type campaignedShop struct {
	*killedShop
	ballast     string // fills the disk; empty where the disk is not the shop's own
	kills, full int
}

// smallDisk gives the shop's data a disk of its own, where that can be had.
func (c *campaignedShop) smallDisk() {
	c.Helper()
	if err := os.MkdirAll(c.DataDir(), 0o700); err != nil {
		c.Fatal(err)
	}
	if os.Getuid() != 0 || syscall.Mount("none", c.DataDir(), "tmpfs", 0, "size=256m,mode=700") != nil {
		return // the other troubles do without it
	}
	c.ballast = filepath.Join(c.DataDir(), "of-another-program")
	c.Cleanup(func() {
		if err := syscall.Unmount(c.DataDir(), syscall.MNT_DETACH); err != nil {
			c.Error(err)
		}
	})
}

// round is one life of the agent, and what happens to its files after it.
func (c *campaignedShop) round(round int) {
	c.Helper()
	c.weather(c.random.IntN(4))
	c.trouble = nil
	if c.ballast != "" && c.random.IntN(4) == 0 {
		c.trouble = c.fill
	}
	c.sellUntilKilled(round)
	c.kills++
	if err := os.Remove(c.ballast); err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.Fatal(err)
	}
	switch c.random.IntN(5) {
	case 0:
		c.killWhileCompacting()
	case 1:
		c.damage()
		c.killWhileOpening()
		c.kills += 2
	case 2:
		c.damage()
	}
}

// fill fills the disk to its last byte, as another program does.
func (c *campaignedShop) fill() {
	file, err := os.Create(c.ballast)
	if err != nil {
		return // it is full
	}
	defer func() { _ = file.Close() }() // it is only there to be in the way
	for _, size := range []int{1 << 20, 4 << 10, 1} {
		for {
			if _, err := file.Write(make([]byte, size)); err != nil {
				break
			}
		}
	}
	c.full++
}
