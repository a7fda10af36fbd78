#!/usr/bin/env bash
# Certifies, signs, compares and comments, as the inputs say. Ends with the exit code of the run, or of the comparison.
set -uo pipefail
bin="$HOME_OF_HARNESS/bin"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
# None of these is for the run, which may start commands of the profile.
key="$INPUT_CERTIFY_KEY" token="$INPUT_GITHUB_TOKEN" passphrase="$INPUT_CERTIFY_PASSPHRASE"
unset INPUT_CERTIFY_KEY INPUT_GITHUB_TOKEN INPUT_CERTIFY_PASSPHRASE
# Runners other than GitHub's set each input under its own name, too, which no shell can unset.
alone=(env -u INPUT_CERTIFY-KEY -u INPUT_GITHUB-TOKEN -u INPUT_CERTIFY-PASSPHRASE)

words=()
while IFS= read -r profile; do
  profile="${profile#"${profile%%[![:space:]]*}"}"
  profile="${profile%"${profile##*[![:space:]]}"}"
  [ -z "$profile" ] || words+=("$profile")
done <<<"$INPUT_PROFILE"
[ -z "$INPUT_FAIL_ON" ] || words+=(--fail-on "$INPUT_FAIL_ON")
[ -z "$INPUT_WAIVERS" ] || words+=(--waivers "$INPUT_WAIVERS")
[ -z "$INPUT_WAIT" ] || words+=(--wait "$INPUT_WAIT")
case "$INPUT_FUZZ_EXAMPLES" in
  0) words+=(--no-fuzz) ;;
  ?*) words+=(--fuzz-examples "$INPUT_FUZZ_EXAMPLES") ;;
esac
read -r -d '' -a more <<<"$INPUT_ARGS"
words+=(${more[@]+"${more[@]}"})

set_output() { printf '%s<<%s\n%s\n%s\n' "$1" "$scratch" "$2" "$scratch" >>"$GITHUB_OUTPUT"; }

GITHUB_STEP_SUMMARY="$scratch/summary.md" GITHUB_OUTPUT="$scratch/outputs" \
  "${alone[@]}" "$bin/payout-conformance" run "${words[@]}"
code=$?
touch "$scratch/summary.md" "$scratch/outputs"
cat "$scratch/outputs" >>"$GITHUB_OUTPUT"
# A wrong command line ends before there are outputs.
[ -s "$scratch/outputs" ] || { set_output verdict error; set_output exit-code "$code"; }
mapfile -t runs < <(sed -n '/^run-paths<</,/^end_/p' "$scratch/outputs" | sed '1d;/^end_/d;/^$/d')

certificates=()
if [ -n "$key" ]; then
  (umask 077 && printf '%s\n' "$key" >"$scratch/key.pem")
  for run in ${runs[@]+"${runs[@]}"}; do
    (
      [ -z "$passphrase" ] || export PAYOUT_CONFORMANCE_PASSPHRASE="$passphrase"
      "${alone[@]}" "$bin/payout-conformance" certify "$run" --key "$scratch/key.pem"
    )
    if [ $? -ne 2 ] && [ -e "$run/certificate.json" ]; then
      certificates+=("$run/certificate.json")
    else
      echo "::error title=payout-conformance::The run could not be signed: see the log"
      [ "$code" -ne 0 ] || code=2
    fi
  done
  rm -f "$scratch/key.pem"
fi
set_output certificate-path "$(printf '%s\n' ${certificates[@]+"${certificates[@]}"})"

if [ -n "$INPUT_COMPARE_WITH" ]; then
  for run in ${runs[@]+"${runs[@]}"}; do
    "${alone[@]}" "$bin/payout-conformance" compare "$INPUT_COMPARE_WITH" "$run" --format markdown >"$scratch/compared.md"
    compared=$?
    # Of several profiles those of the other API can't be compared.
    [ "$compared" -ne 2 ] || [ "${#runs[@]}" -eq 1 ] || continue
    printf '\n' | cat - "$scratch/compared.md" >>"$scratch/summary.md"
    [ "$code" -ne 0 ] || code=$compared
  done
  set_output exit-code "$code"
fi

cat "$scratch/summary.md" >>"$GITHUB_STEP_SUMMARY"
if [ "$INPUT_COMMENT" = true ]; then
  GITHUB_TOKEN="$token" "${alone[@]}" "$bin/python" -m conformance.cli.comment "$scratch/summary.md" "$INPUT_PROFILE"
fi
exit "$code"
