#include "extensions/failure.h"

#include "extensions/ledger.h"
#include "pg/library.h"
#include "pg/settings.h"
#include "pg/termination.h"
#include "shared/extension_states.h"
#include "shared/last_words.h"
#include "workers/extension_code.h"

namespace dynpgext::provisioning {

state::failure_cause cause_of_failure(const std::string &library) {
  return {pg::identify_file(pg::library_file(library).c_str()),
          pg::settings::provisioning_digest()};
}

void record_failure(const model::extension &e, const pg::failure &why, lacking what) {
  state::failure_cause cause = cause_of_failure(e.library);
  cause.lacked_memory =
      why.sqlstate == ERRCODE_CONFIGURATION_LIMIT_EXCEEDED || why.sqlstate == ERRCODE_OUT_OF_MEMORY;
  cause.had_no_room = what == lacking::room;
  state::set_extension_state(state::attach(), MyDatabaseId, e.name, model::extension_state::failed,
                             why.message, &cause);
  note_extension(e.name, model::extension_state::failed, why.message);
  pg::log(WARNING, "extension \"" + e.name + "\" cannot be provisioned: " + why.message,
          "It is tried again by dynpgext.reload(), when the file of its library or a setting that "
          "limits provisioning changes, and, if it lacked memory, when some has been given back.");
}

void note_end_in_code() {
  const state::extension_code *code = state::code_under_way();
  if (code == nullptr || code->library().empty()) return;
  if (pg::was_told_to_end() && !code->is_late()) return;
  std::string why = "its code has ended the process that provisioned it";
  const std::string words = state::last_words(1).str();
  if (code->is_late())
    why = code->lateness() + ", and does not serve interrupts";
  else if (!words.empty())
    why += ": " + words;
  state::failure_cause cause = cause_of_failure(code->library());
  cause.ended_process = true;
  state::set_extension_state(state::attach(), MyDatabaseId, code->extension(),
                             model::extension_state::failed, why, &cause);
  pg::log(WARNING, "extension \"" + code->extension() + "\" cannot be provisioned: " + why);
}

}  // namespace dynpgext::provisioning
