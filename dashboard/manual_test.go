package dashboard_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"lifeline/dashboard"
	"lifeline/semantic"
)

func TestThePageOfTheManualIsAPageThatWorks(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/dashboard.md")
	require.NoError(t, err)
	page := regexp.MustCompile("(?s)```yaml\n(title:.*?)```").FindSubmatch(text)
	require.NotNil(t, page, "the manual has its example")
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(dir, "dashboards"), os.DirFS(carepay+"/dashboards")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "dashboards", "vouchers.yml"), page[1], 0o600))
	d, err := semantic.ReadDefinition(dir)
	require.NoError(t, err)
	c := duck(t, func(o *dashboard.Options) { o.Definition = d })
	var listed []string
	for _, p := range get[dashboard.MetaData](c, "/api/v1/meta").Data.Pages {
		listed = append(listed, p.Name)
	}
	require.Contains(t, listed, "vouchers")
	card := get[semantic.PageData](c, "/api/v1/pages/vouchers?range=all").Data.Cards[0]
	require.Nil(t, card.Problem)
	require.Contains(t, card.Answer, "has most:")
	// The sum of the card's claims is the number of rows behind its footer link.
	var sum int64
	for _, row := range card.Rows {
		n, err := row[1].(json.Number).Int64()
		require.NoError(t, err)
		sum += n
	}
	require.Positive(t, sum)
	address, is := apiOf(card.RowsLink)
	require.True(t, is, card.RowsLink)
	require.Equal(t, sum, get[semantic.RowsData](c, address+"&limit=1").Page.Total)
}
