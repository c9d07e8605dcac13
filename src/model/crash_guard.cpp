#include "model/crash_guard.h"

#include <algorithm>
#include <utility>

namespace dynpgext::model {
namespace {

// Removes crashes that are too old, and suspects without any other.
void age(std::vector<suspect> &suspects, std::int64_t now, std::int64_t window) {
  for (suspect &s : suspects) {
    std::erase_if(s.crashes, [=](std::int64_t at) { return now - at > window; });
  }
  std::erase_if(suspects,
                [](const suspect &s) { return s.crashes.empty() && !s.is_quarantined(); });
}

std::int64_t last_crash(const suspect &s) { return s.crashes.back(); }

// Its place, a new one if necessary: that of the suspect with the oldest last crash. nullptr if all
// places are taken by quarantined ones.
suspect *place_of(std::vector<suspect> &suspects, const guarded_identity &who) {
  const auto known = std::find_if(suspects.begin(), suspects.end(),
                                  [&who](const suspect &s) { return s.who == who; });
  if (known != suspects.end()) return &*known;
  if (suspects.size() < suspects_kept) return &suspects.emplace_back(suspect{who, {}});
  suspect *oldest = nullptr;
  for (suspect &s : suspects)
    if (!s.is_quarantined() && (oldest == nullptr || last_crash(s) < last_crash(*oldest)))
      oldest = &s;
  if (oldest != nullptr) *oldest = {who, {}};
  return oldest;
}

blamed blame(suspect &s, const guarded_command &command, const instant &now, std::uint32_t limit) {
  if (s.crashes.size() == crashes_kept) s.crashes.erase(s.crashes.begin());
  s.crashes.push_back(now.measured);
  s.command = command;
  const auto count = static_cast<std::uint32_t>(s.crashes.size());
  const bool too_often = count >= std::min(limit, static_cast<std::uint32_t>(crashes_kept));
  const bool newly = too_often && !s.is_quarantined();
  if (newly) {
    s.quarantined_since = now.shown != 0 ? now.shown : 1;
    s.quarantined_after = count;
  }
  return {s.who, count, newly, command};
}

}  // namespace

verdict judge(std::span<const armed_record> records, std::vector<suspect> suspects,
              const instant &now, std::uint32_t limit, std::int64_t window) {
  verdict v{std::move(suspects), {}, false};
  if (limit == 0) return v;
  age(v.suspects, now.measured, window);
  std::vector<armed_record> accused;
  bool launcher = false;
  for (const armed_record &r : records) {
    if (r.launcher)
      launcher = true;
    else
      accused.push_back(r);
  }
  if (launcher) {
    v.all_killed = !accused.empty();
    return v;
  }
  // the same code in two sessions has taken the server down once
  std::stable_sort(accused.begin(), accused.end(),
                   [](const auto &a, const auto &b) { return a.who < b.who; });
  const auto same = [](const auto &a, const auto &b) { return a.who == b.who; };
  accused.erase(std::unique(accused.begin(), accused.end(), same), accused.end());
  for (const armed_record &r : accused) {
    suspect *s = place_of(v.suspects, r.who);
    if (s != nullptr) {
      v.blamed.push_back(blame(*s, r.command, now, limit));
    } else {
      // reported, but not stored: it cannot be quarantined
      v.blamed.push_back({r.who, 1, false, r.command});
    }
  }
  return v;
}

void carry_over(std::vector<suspect> &suspects, const instant &then, const instant &now) {
  const std::int64_t gone = std::max(now.shown - then.shown, now.measured);
  for (suspect &s : suspects)
    for (std::int64_t &at : s.crashes) at += now.measured - gone - then.measured;
}

bool is_quarantined(std::span<const suspect> suspects, const guarded_identity &who) {
  return std::any_of(suspects.begin(), suspects.end(),
                     [&who](const suspect &s) { return s.is_quarantined() && s.who == who; });
}

std::vector<suspect> quarantined(std::span<const suspect> suspects) {
  std::vector<suspect> found;
  for (const suspect &s : suspects)
    if (s.is_quarantined()) found.push_back(s);
  return found;
}

bool release(std::vector<suspect> &suspects, database_id home, const std::string &extension) {
  return std::erase_if(suspects, [&](const suspect &s) {
           return !s.who.is_role() && s.who.home == home && s.who.extension == extension;
         }) > 0;
}

bool is_role_of(const suspect &s, database_id home, const std::string &extension,
                std::span<const std::uint32_t> roles) {
  if (!s.who.is_role() || s.who.home != home) return false;
  return s.command.extension == extension ||
         std::find(roles.begin(), roles.end(), s.who.role) != roles.end();
}

bool release_roles(std::vector<suspect> &suspects, database_id home, const std::string &extension,
                   std::span<const std::uint32_t> roles) {
  return std::erase_if(suspects,
                       [&](const suspect &s) { return is_role_of(s, home, extension, roles); }) > 0;
}

bool forget_home(std::vector<suspect> &suspects, database_id home) {
  return home != no_database &&
         std::erase_if(suspects, [home](const suspect &s) { return s.who.home == home; }) > 0;
}

}  // namespace dynpgext::model
