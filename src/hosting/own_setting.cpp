#include "hosting/own_setting.h"

#include "model/json.h"
#include "pg/settings.h"

namespace dynpgext::hosting {
namespace {

// The instance's own value.
std::optional<std::string> own_value(const library &l, const char *name) {
  if (l.settings.empty()) return std::nullopt;
  const model::json::parsed parsed = model::json::parse(l.settings, {});
  const auto *members = std::get_if<model::json::object>(&parsed.document.of);
  if (members == nullptr) return std::nullopt;
  for (const auto &[key, value] : *members)
    if (pg_strcasecmp(key.c_str(), name) == 0)
      if (const auto *text = std::get_if<std::string>(&value.of)) return *text;
  return std::nullopt;
}

const kept_setting *kept_value(const library &l, const char *name) {
  if (!l.window.is_open()) return nullptr;
  for (const kept_setting *s = l.window.header().settings; s != nullptr; s = s->next)
    if (std::strcmp(s->name, name) == 0) return s;
  return nullptr;
}

void set(const char *name, const char *value, GucSource source) {
  pg::call([=] { SetConfigOption(name, value, PGC_POSTMASTER, source); });
}

// It is still a placeholder, that is, a text.
std::optional<std::string> configured_value(const char *name) {
  const char *value = pg::call([=] { return GetConfigOption(name, true, false); });
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

struct claimed_setting {
  std::string name;
  GucContext context;
};
// Settings of libraries set by this process's client when it connected.
std::vector<claimed_setting> &claimed_by_client() {
  static auto *const claimed = new std::vector<claimed_setting>;
  return *claimed;
}

}  // namespace

setting_definition::setting_definition(library &l, const char *name, GucContext context)
    : library_(l),
      name_(name),
      is_of_start_(context == PGC_POSTMASTER),
      was_starting_(process_shared_preload_libraries_in_progress) {
  const kept_setting *kept = is_of_start_ ? kept_value(l, name) : nullptr;
  own_ = own_value(l, name);
  if (pg::settings::is_of_session(name)) claimed_by_client().push_back({name, context});
  if (kept != nullptr) {
    if (kept->value != nullptr) set(name, kept->value, own_ ? PGC_S_ARGV : PGC_S_FILE);
  } else if (own_) {
    set(name, own_->c_str(), PGC_S_ARGV);
  } else if (is_of_start_) {
    // a value set in a session does not count
    if (const auto value = configured_value(name)) set(name, value->c_str(), PGC_S_FILE);
  }
  if (is_of_start_) process_shared_preload_libraries_in_progress = true;
}

setting_definition::~setting_definition() {
  process_shared_preload_libraries_in_progress = was_starting_;
}

// The server only warns of a value that it refuses.
void setting_definition::check_own() const {
  const char *value = own_->c_str();
  try {
    pg::call([this, value] {
      (void)set_config_option(name_, value, PGC_POSTMASTER, PGC_S_ARGV, GUC_ACTION_SET, false,
                              ERROR, false);
    });
  } catch (const pg::server_error &e) {
    throw pg::error(ERRCODE_INVALID_PARAMETER_VALUE, "setting \"" + std::string(name_) +
                                                         "\" of library \"" + library_.name() +
                                                         "\": " + e.what());
  }
}

void setting_definition::done() {
  library_.defined_settings.emplace_back(name_);
  if (own_ && library_.is_keeper) check_own();
  if (is_of_start_ && library_.is_keeper)
    library_.kept_settings.push_back({name_, configured_value(name_)});
}

void refuse_settings_of_client() {
  for (const auto &[name, context] : claimed_by_client()) {
    if (context == PGC_USERSET || context == PGC_BACKEND) continue;
    const bool may_be_set = context == PGC_SUSET || context == PGC_SU_BACKEND;
    if (may_be_set && pg::settings::may_set(name.c_str())) continue;
    if (may_be_set)
      throw pg::error(ERRCODE_INSUFFICIENT_PRIVILEGE,
                      "permission denied to set parameter \"" + name + "\"");
    throw pg::error(ERRCODE_CANT_CHANGE_RUNTIME_PARAM,
                    "parameter \"" + name + "\" cannot be set when connecting");
  }
}

void refuse_undefined_settings(const library &l) {
  if (l.settings.empty()) return;
  const model::json::parsed parsed = model::json::parse(l.settings, {});
  const auto *members = std::get_if<model::json::object>(&parsed.document.of);
  if (members == nullptr) return;
  for (const auto &member : *members) {
    const std::string &wanted = member.first;
    const auto is_wanted = [&wanted](const std::string &name) {
      return pg_strcasecmp(name.c_str(), wanted.c_str()) == 0;
    };
    if (std::none_of(l.defined_settings.begin(), l.defined_settings.end(), is_wanted))
      throw pg::error(ERRCODE_INVALID_PARAMETER_VALUE,
                      "library \"" + l.name() + "\" defines no setting \"" + wanted + "\"");
  }
}

}  // namespace dynpgext::hosting
