# shellcheck shell=bash
# Parts shared by script/demo and script/test.
# shellcheck source=script/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=script/lib/user.sh
. "$ROOT/script/lib/user.sh"
# shellcheck source=script/lib/scratch.sh
. "$ROOT/script/lib/scratch.sh"
# shellcheck source=script/lib/packages.sh
. "$ROOT/script/lib/packages.sh"
# shellcheck source=script/lib/server.sh
. "$ROOT/script/lib/server.sh"
# shellcheck source=script/lib/build.sh
. "$ROOT/script/lib/build.sh"
