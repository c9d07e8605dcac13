#include "model/restore.h"

namespace dynpgext::model {

bool is_restoring(const session_look &look, restore_setting setting) {
  if (!look.is_client || !look.may_restore) return false;
  if (setting != restore_setting::automatic) return setting == restore_setting::on;
  return !look.checks_function_bodies && !look.has_search_path && look.hears_only_warnings;
}

restore joined(const std::optional<restore> &known, std::int64_t boot, restore_setting setting,
               bool brings_dynpgext) {
  const bool was_told = known && known->until_told;
  return {boot, was_told || setting == restore_setting::on,
          brings_dynpgext || has_brought_dynpgext(known, boot)};
}

bool has_brought_dynpgext(const std::optional<restore> &known, std::int64_t boot) {
  return known && known->boot == boot && known->brings_dynpgext;
}

restore interrupted(const restore &known) { return {0, known.until_told, false}; }

bool ends_with_sessions(const restore &r, std::int64_t boot) {
  return !r.until_told && r.boot == boot;
}

std::optional<std::int64_t> over_at(const restore_watch &watch, std::int64_t now) {
  if (watch.somebody_restores) return std::nullopt;
  const std::int64_t since = watch.quiet_since == 0 ? now : watch.quiet_since;
  return watch.may_reconnect ? since + restore_gap : since;
}

}  // namespace dynpgext::model
