package discover

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"
)

// TestKindsOfApplicationsAreUnderstood looks at small databases of our own making, each with a habit of its own: an end date whose outcome
// stands beside it, letters that only a comment explains, a journal over two tables, a table of allowed steps, a log of scans.
func TestKindsOfApplicationsAreUnderstood(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"hospital":  {"LabOrders Status LabOrderHistory steps", "Admissions DischargedAt"},
		"school":    {"tbl_fee_invoice inv_status", "tbl_enrolment completed_on"},
		"tracker":   {"issues status_id journal_details steps"},
		"logistics": {"shipment current_status scan_event steps"},
		"agency": {
			"mandates mandate_status mandate_steps", "leave_requests status", "errands date_completed", "visits visit_state",
			"duties status",
		},
		"workshop": {
			"repairs status repairs_history", "parcels shipped_at", "todos is_done", "calls kind", "loans loan_status_id",
			"CASE_HI_RUNINST STATE_", "projects project_status",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := Look(t.Context(), kindOf(t, name), Options{Budget: 3 * time.Minute})
			require.NoError(t, err)
			var got []string
			for _, r := range p.Records {
				line := r.Table + " " + r.State + r.EndDate
				if r.Log != nil {
					line += " " + r.Log.Table
				}
				if r.Steps != nil && len(r.Steps.Next) > 0 {
					line += " steps"
				}
				got = append(got, line)
				for _, s := range r.States {
					if slices.Contains(codes, r.Table) {
						continue
					}
					require.NotEqual(t, Unknown, s.Meaning, "%s of %s", s.Raw, r.Table)
				}
			}
			require.ElementsMatch(t, want, got)
			switch name {
			case "agency":
				agencyIsUnderstood(t, p)
			case "workshop":
				workshopIsUnderstood(t, p)
			}
		})
	}
}

// codes are records whose states are numbers that only the application knows.
var codes = []string{"leave_requests", "visits"}

func agencyIsUnderstood(t *testing.T, p *Proposal) {
	t.Helper()
	keys := map[string]string{}
	for _, k := range p.Keys {
		if k.Confidence != Low {
			keys[k.Table+"."+k.Column] = k.Parent
		}
	}
	require.Equal(t, map[string]string{
		"mandate_amounts.mandate_id":   "mandates", // The table's columns begin with its first word, and this one is no other's.
		"mandate_steps.mandate_id":     "mandates",
		"mandates.mandate_priority_id": "words", // Of the kind that the key is called by.
		"mandates.mandate_recruiter":   "users",
		"mandates.origin_mandate_id":   "mandates", // Another row of the same table, in a role.
		"leave_requests.user_id":       "users",    // Its status does not refer to visits, though the numbers fit.
		"letters.mandate_id":           "mandates",
		"errands.user_id":              "users",
		"visits.mandate_id":            "mandates",
		"duties.user_id":               "users", // The lock's version does not refer to versions, though the numbers fit.
	}, keys)
	units, roles := map[string]Unit{}, map[string]string{}
	for _, c := range p.Catalog.Table("errands").Columns {
		if c.Unix != "" {
			units[c.Name] = c.Unix
		}
	}
	require.Equal(t, map[string]Unit{
		"date_creation": Milliseconds, "date_due": Seconds, "date_started": Milliseconds, "date_completed": Milliseconds,
	}, units)
	for _, d := range p.Dates {
		if d.Table == "errands" {
			roles[d.Column] = d.Role
		}
	}
	require.Equal(t, map[string]string{
		"date_creation": "created", "date_due": "due", "date_started": "started", "date_completed": "closed",
	}, roles, "a life does not begin with a date that half of the rows lack")
	codes := map[string]string{}
	for _, r := range p.Records {
		for _, s := range r.States {
			if r.Table == "duties" {
				codes[s.Name] = string(s.Meaning) + ": " + s.Evidence
			}
		}
	}
	require.Equal(t, map[string]string{
		"state_0": "open: 0 of 16 rows in it have closed_at", "state_1": "open: 0 of 16 rows in it have closed_at",
		"state_2": "decided: 16 of 16 rows in it have closed_at", "minus_1": "open: 0 of 16 rows in it have closed_at",
	}, codes)
	i := slices.IndexFunc(p.Records, func(r Record) bool { return r.Table == "visits" })
	labels := map[string]string{}
	for _, s := range p.Records[i].States {
		labels[s.Raw] = s.Label + " " + string(s.Meaning)
	}
	require.Equal(t, map[string]string{"a": "Arranged unknown", "b": "Held decided", "c": "Cancelled void"}, labels,
		"of the list that is called so")
	require.Contains(t, p.Files(Project{Name: "agency"})["dashboards/visit_flow.yml"], "created_at was empty in 8 of the 64 rows")
	require.Len(t, p.Shifted, 1)
	require.Equal(t, "imports_of_old.remark", p.Shifted[0].Table+"."+p.Shifted[0].Column)
	require.Contains(t, p.Shifted[0].Evidence, "shift: {after: kind, by: 1, when: remark}")
	var personal []string
	for _, s := range p.Personal {
		personal = append(personal, s.Table+"."+s.Column)
	}
	require.ElementsMatch(t, []string{
		"users.user_name", "users.user_email", "users.user_pass", "letters.a_from", "letters.a_to", "letters.body", "letters.shipping_name",
		"letters.shipping_postcode",
	}, personal)
}

// workshopIsUnderstood looks at habits of the further public schemas: keys that say who does something, codes that rows are known by,
// names written in one, copies of earlier rows, codes in lists by key or packed into a text, states as a yes or no or by dates alone.
func workshopIsUnderstood(t *testing.T, p *Proposal) {
	t.Helper()
	keys := map[string]string{}
	for _, k := range p.Keys {
		if k.Confidence != Low {
			keys[k.Table+"."+k.Column] = k.Parent + "." + k.Key
		}
	}
	for column, parent := range map[string]string{
		"repairs.tester_id": "users.id", "repairs.uid": "users.id", "repairs.status": "status.id", "repairs_history.id": "repairs.id",
		"parcels.tool_code": "tools.tool_code", "benches.parent_id": "benches.id", "CASE_HI_RUNINST.RUN_DEF_ID_": "CASE_RE_RUNDEF.ID_",
		"repairs_history.changedby": "users.id", "bench_lists_tools.list": "bench_lists.id",
	} {
		require.Equal(t, parent, keys[column], column)
	}
	states := map[string]map[string]string{}
	for _, r := range p.Records {
		states[r.Table] = map[string]string{}
		for _, s := range r.States {
			states[r.Table][s.Raw] = s.Name + " " + string(s.Meaning)
		}
		if r.Log != nil {
			require.Equal(t, "id changedon changedby", r.Log.Key+" "+r.Log.At+" "+r.Log.By, "the copies' own time, not the record's")
		}
	}
	require.Equal(t, map[string]string{"1": "requested open", "2": "accepted decided", "3": "rejected void"}, states["repairs"])
	require.Equal(t, map[string]string{"0": "not_done open", "1": "done decided"}, states["todos"])
	require.Equal(t, map[string]string{"open": "open open", "shipped": "shipped decided"}, states["parcels"])
	require.Equal(t, map[string]string{"100": "submitted open", "300": "active open", "600": "closed decided"}, states["loans"])
	require.Equal(t, map[string]string{"0": "proposed open", "1": "in_progress open", "-1": "complete decided"}, states["projects"])
	var personal []string
	for _, s := range p.Personal {
		personal = append(personal, s.Table+"."+s.Column)
	}
	require.ElementsMatch(t, []string{"users.first", "users.last", "users.mpasswd", "parcels.member_name"}, personal)
	roles := map[string]string{}
	for _, d := range p.Dates {
		if d.Table == "loans" {
			roles[d.Column] = d.Role
		}
	}
	require.Equal(t, map[string]string{"submittedon_date": "submitted", "closedon_date": "closed"}, roles)
	core := p.Files(Project{Name: "workshop"})["models/core/projects.sql"]
	require.Contains(t, core, "on cast(l2.hall_id as varchar) = cast(t.hall_id as varchar)", "a number and a text")
	require.Contains(t, core, `"agreed price" as agreed_price`)
	require.Contains(t, core, "    t.\"agreed price\",\n    t.\"price currency\",\n", "the books need amounts under staging's names")
}

func kindOf(t *testing.T, name string) Reader {
	t.Helper()
	u, err := url.Parse(os.Getenv("LIFELINE_TEST_MYSQL"))
	require.NoError(t, err)
	if u.Host == "" {
		t.Skip("LIFELINE_TEST_MYSQL names no server")
	}
	password, _ := u.User.Password()
	db, err := sql.Open("mysql", fmt.Sprintf("%s:%s@tcp(%s)/?multiStatements=true", u.User.Username(), password, u.Host))
	require.NoError(t, err)
	database := fmt.Sprintf("kind_%d_%s", os.Getpid(), name)
	statements, err := os.ReadFile(filepath.Join("testdata", "kinds", name+".sql"))
	require.NoError(t, err)
	_, err = db.Exec("create database " + database + "; use " + database + "; set sql_mode = 'NO_ENGINE_SUBSTITUTION';\n" + string(statements))
	require.NoError(t, err)
	u.Path = "/" + database
	r, err := OpenServer(t.Context(), u.String(), 5*time.Second)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, r.Close())
		_, err := db.Exec("drop database " + database)
		require.NoError(t, err)
		require.NoError(t, db.Close())
	})
	return r
}
