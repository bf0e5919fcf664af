package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shop is a small project for tests of what a run is, whatever it is about: its build takes a tenth of carepay's.
const shop = "testdata/shop"

// shopFiles is a folder with the shop's files: 40 customers, 240 purchases, 480 lines.
var shopFiles = sync.OnceValues(func() (string, error) {
	dir, err := sharedFolder("shop-")
	if err != nil {
		return "", err
	}
	customers, lines := []string{"id,name"}, []string{"id,purchase_id,amount"}
	purchases := []string{"id,status,customer_id,placed_at,changed_at,amount,currency"}
	for i := 1; i <= 40; i++ {
		customers = append(customers, fmt.Sprintf("%d,Customer %d", i, i))
	}
	day := time.Date(2024, 5, 1, 8, 0, 0, 0, time.UTC)
	for i := 1; i <= 240; i++ {
		placed := day.Add(time.Duration(i) * 6 * time.Hour)
		status := []string{"PLACED", "SENT", "Sent", "RETURNED"}[i%4]
		purchases = append(purchases, fmt.Sprintf("%d,%s,%d,%s,%s,%d.5000,KES",
			i, status, 1+i%40, placed.Format(time.DateTime), placed.Add(30*time.Hour).Format(time.DateTime), 100+i))
		for n := range 2 {
			lines = append(lines, fmt.Sprintf("%d,%d,%d.2500", 2*i+n, i, 50+i))
		}
	}
	for name, rows := range map[string][]string{"customers.csv": customers, "purchases.csv": purchases, "lines.csv": lines} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Join(rows, "\n")), 0o600); err != nil {
			return "", err
		}
	}
	return dir, nil
})

// shopCSV is the folder of the shop's files, which nobody changes.
func shopCSV(t *testing.T) string {
	t.Helper()
	dir, err := shopFiles()
	require.NoError(t, err)
	return dir
}

// shopCopy is the shop's project in a folder of the test's own, to be changed.
func shopCopy(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shop")
	require.NoError(t, os.CopyFS(dir, os.DirFS(shop)))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "tests"), 0o755)) // git keeps no empty folder.
	return dir
}

// purchasesOf are the lines of a folder's purchases, the header first.
func purchasesOf(t *testing.T, dir string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "purchases.csv"))
	require.NoError(t, err)
	return strings.Split(string(text), "\n")
}

func setPurchases(t *testing.T, dir string, lines []string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "purchases.csv"), []byte(strings.Join(lines, "\n")), 0o600))
}

// dropLastPurchase takes the last purchase out of a folder, and its lines.
func dropLastPurchase(t *testing.T, dir string) {
	t.Helper()
	lines := purchasesOf(t, dir)
	setPurchases(t, dir, lines[:len(lines)-1])
	path := filepath.Join(dir, "lines.csv")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	all := strings.Split(string(text), "\n")
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(all[:len(all)-2], "\n")), 0o600))
}

// spoiledPurchases is a copy of the shop's files in which the last n purchases have another value in one field.
func spoiledPurchases(t *testing.T, n, field int, value string) (dir string, keys []string) {
	t.Helper()
	dir = copyOf(t, shopCSV(t))
	lines := purchasesOf(t, dir)
	for i := len(lines) - n; i < len(lines); i++ {
		lines[i] = changeField(lines[i], field, value)
		keys = append(keys, fieldOf(lines[i], 0))
	}
	setPurchases(t, dir, lines)
	return dir, keys
}
