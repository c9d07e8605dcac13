#include "model/crash_guard.h"

#include <algorithm>
#include <utility>

namespace dynpgext::model {
namespace {

// Forgets crashes that are too long ago, and those who have no other.
void age(std::vector<suspect> &suspects, std::int64_t now, std::int64_t window) {
  for (suspect &s : suspects) {
    std::erase_if(s.crashes, [=](std::int64_t at) { return now - at > window; });
  }
  std::erase_if(suspects,
                [](const suspect &s) { return s.crashes.empty() && !s.is_quarantined(); });
}

std::int64_t last_crash(const suspect &s) { return s.crashes.back(); }

// Its place, a new one if need be: that of the one that has been well for longest.  nullptr where
// all places are taken by the quarantined.
suspect *place_of(std::vector<suspect> &suspects, const guarded_identity &who) {
  const auto known = std::find_if(suspects.begin(), suspects.end(),
                                  [&who](const suspect &s) { return s.who == who; });
  if (known != suspects.end()) return &*known;
  if (suspects.size() < suspects_kept) return &suspects.emplace_back(suspect{who, {}, 0, 0});
  suspect *oldest = nullptr;
  for (suspect &s : suspects)
    if (!s.is_quarantined() && (oldest == nullptr || last_crash(s) < last_crash(*oldest)))
      oldest = &s;
  if (oldest != nullptr) *oldest = {who, {}, 0, 0};
  return oldest;
}

blamed blame(suspect &s, const instant &now, std::uint32_t limit) {
  if (s.crashes.size() == crashes_kept) s.crashes.erase(s.crashes.begin());
  s.crashes.push_back(now.measured);
  const auto count = static_cast<std::uint32_t>(s.crashes.size());
  const bool too_often = count >= std::min(limit, static_cast<std::uint32_t>(crashes_kept));
  const bool newly = too_often && !s.is_quarantined();
  if (newly) {
    s.quarantined_since = now.shown != 0 ? now.shown : 1;
    s.quarantined_after = count;
  }
  return {s.who, count, newly};
}

}  // namespace

verdict judge(std::span<const armed_record> records, std::vector<suspect> suspects,
              const instant &now, std::uint32_t limit, std::int64_t window) {
  verdict v{std::move(suspects), {}, false};
  if (limit == 0) return v;
  age(v.suspects, now.measured, window);
  std::vector<guarded_identity> accused;
  bool launcher = false;
  for (const armed_record &r : records) {
    if (r.launcher)
      launcher = true;
    else
      accused.push_back(r.who);
  }
  if (launcher) {
    v.all_killed = !accused.empty();
    return v;
  }
  // the same code in two sessions has taken the server down once
  std::sort(accused.begin(), accused.end());
  accused.erase(std::unique(accused.begin(), accused.end()), accused.end());
  for (const guarded_identity &who : accused) {
    suspect *s = place_of(v.suspects, who);
    if (s != nullptr) {
      v.blamed.push_back(blame(*s, now, limit));
    } else {
      // named, but nothing is kept of it: it cannot be quarantined
      v.blamed.push_back({who, 1, false});
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
           return s.who.home == home && s.who.extension == extension;
         }) > 0;
}

bool forget_home(std::vector<suspect> &suspects, database_id home) {
  return home != no_database &&
         std::erase_if(suspects, [home](const suspect &s) { return s.who.home == home; }) > 0;
}

}  // namespace dynpgext::model
