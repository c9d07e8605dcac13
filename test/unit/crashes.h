// Sequences of server crashes for the tests of the crash guard.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "model/crash_guard.h"

namespace dynpgext::model {

inline void PrintTo(const blamed &b, std::ostream *to) {
  *to << b.who.home << "/" << b.who.extension << "/" << b.who.worker << " " << b.crashes
      << (b.newly_quarantined ? " quarantined" : "");
}

namespace crashes {

inline constexpr std::int64_t second = 1000000;
inline constexpr std::int64_t window = 300 * second;
inline constexpr std::int64_t start = 800000000 * second;

inline const guarded_identity worker_a{5, "a", "w"};
inline const guarded_identity code_of_a{5, "a", ""};
inline const guarded_identity global_b{no_database, "b", "w"};

inline armed_record armed(guarded_identity who) { return {false, std::move(who)}; }
inline const armed_record launcher{true, {}};

// Successive runs of a server.
struct server {
  std::uint32_t limit = 3;
  std::vector<suspect> suspects = {};
  std::int64_t now = start;
  std::int64_t shown_later = 0;  // by the wall clock

  verdict crash(std::vector<armed_record> records, std::int64_t after = second) {
    now += after;
    verdict v = judge(records, suspects, {now, now + shown_later}, limit, window);
    suspects = v.suspects;
    return v;
  }
  std::uint32_t count(const guarded_identity &who, std::int64_t after = second) {
    const verdict v = crash({armed(who)}, after);
    EXPECT_EQ(v.blamed.size(), 1u);
    EXPECT_EQ(v.blamed.at(0).who, who);
    return v.blamed.at(0).crashes;
  }
  bool holds(const guarded_identity &who) const { return is_quarantined(suspects, who); }
};

}  // namespace crashes
}  // namespace dynpgext::model
