#!/usr/bin/env bash
# up.sh PROFILE SERVICE: starts a profile of compose.yaml, waits until its first version is served, and says where.
set -euo pipefail
profile=$1 service=$2
compose=(docker compose --profile "$profile")

command -v docker >/dev/null || { echo 'Docker is missing. Try: make demo, which needs no server.' >&2; exit 1; }
"${compose[@]}" up --build --detach

echo 'waiting for the first run: a minute or two'
for _ in $(seq 300); do
  id=$("${compose[@]}" ps --all --quiet "$service")
  state=$(docker inspect --format '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}' "$id")
  case $state in
    'running healthy')
      port=$(docker inspect --format '{{(index (index .NetworkSettings.Ports "8080/tcp") 0).HostPort}}' "$id")
      echo "http://127.0.0.1:$port/"
      echo 'The user is admin; the password is DASHBOARD_PASSWORD in .env. Logs: docker compose logs -f '"$service"
      exit 0
      ;;
    exited*|dead*) break ;;
  esac
  sleep 2
done
"${compose[@]}" logs --tail 50 "$service" >&2
echo "$service serves nothing yet: see its log above. Try: docker compose logs $service" >&2
exit 1
