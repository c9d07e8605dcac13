// The transition table of workers, and the names in the views.
#include "model/state.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "samples.h"

namespace dynpgext::model {
namespace {

using s = worker_state;
using e = worker_event;

constexpr int state_count = 11;
constexpr int event_count = 16;

s state_at(int i) { return static_cast<s>(i); }
e event_at(int i) { return static_cast<e>(i); }

// Deliberately written a second time: a change of the table must be intended.
const std::map<std::pair<s, e>, s> expected = {
    {{s::registered, e::start}, s::starting},
    {{s::registered, e::postpone}, s::waiting},
    {{s::registered, e::stop}, s::stopped},
    {{s::registered, e::disable}, s::disabled},
    {{s::registered, e::quarantine}, s::quarantined},
    {{s::waiting, e::start}, s::starting},
    {{s::waiting, e::stop}, s::stopped},
    {{s::waiting, e::reset}, s::registered},
    {{s::waiting, e::disable}, s::disabled},
    {{s::waiting, e::quarantine}, s::quarantined},
    {{s::starting, e::no_slot}, s::waiting},
    {{s::starting, e::come_up}, s::running},
    {{s::starting, e::lost}, s::registered},
    {{s::starting, e::stop}, s::stopped},
    {{s::starting, e::reset}, s::registered},
    {{s::running, e::resume}, s::starting},
    {{s::running, e::stop}, s::stopping},
    {{s::running, e::exit_ok}, s::stopped},
    {{s::running, e::exit_fault}, s::failed},
    {{s::running, e::fall_silent}, s::unresponsive},
    {{s::unresponsive, e::recover}, s::running},
    {{s::unresponsive, e::stop}, s::stopping},
    {{s::unresponsive, e::exit_ok}, s::stopped},
    {{s::unresponsive, e::exit_fault}, s::failed},
    {{s::stopping, e::exit_ok}, s::stopped},
    {{s::stopping, e::exit_fault}, s::stopped},
    {{s::stopping, e::lost}, s::stopped},
    {{s::stopped, e::start}, s::starting},
    {{s::stopped, e::reset}, s::registered},
    {{s::stopped, e::back_off}, s::backoff},
    {{s::stopped, e::disable}, s::disabled},
    {{s::stopped, e::quarantine}, s::quarantined},
    {{s::failed, e::start}, s::starting},
    {{s::failed, e::stop}, s::stopped},
    {{s::failed, e::reset}, s::registered},
    {{s::failed, e::back_off}, s::backoff},
    {{s::failed, e::disable}, s::disabled},
    {{s::failed, e::quarantine}, s::quarantined},
    {{s::backoff, e::start}, s::starting},
    {{s::backoff, e::stop}, s::stopped},
    {{s::backoff, e::reset}, s::registered},
    {{s::backoff, e::give_up}, s::failed},
    {{s::backoff, e::disable}, s::disabled},
    {{s::backoff, e::quarantine}, s::quarantined},
    {{s::disabled, e::reset}, s::registered},
    {{s::disabled, e::quarantine}, s::quarantined},
    {{s::quarantined, e::reset}, s::registered},
    {{s::quarantined, e::disable}, s::disabled},
};

TEST(state, every_event_leads_where_it_should_from_every_state) {
  for (int i = 0; i < state_count; ++i)
    for (int j = 0; j < event_count; ++j) {
      const auto found = expected.find({state_at(i), event_at(j)});
      const auto wanted = found == expected.end() ? std::nullopt : std::optional<s>(found->second);
      EXPECT_EQ(next(state_at(i), event_at(j)), wanted)
          << name_of(state_at(i)) << ", " << name_of(event_at(j));
    }
}

TEST(state, the_table_has_each_transition_once) {
  std::set<std::pair<s, e>> seen;
  for (const worker_transition &t : worker_transitions()) {
    EXPECT_TRUE(seen.emplace(t.from, t.event).second)
        << name_of(t.from) << ", " << name_of(t.event);
    EXPECT_EQ(next(t.from, t.event), t.to);
    EXPECT_NE(t.from, t.to) << name_of(t.from) << ", " << name_of(t.event);
  }
  EXPECT_EQ(seen.size(), expected.size());
}

std::set<s> reachable_from(s start) {
  std::set<s> found = {start};
  for (std::size_t before = 0; before != found.size();) {
    before = found.size();
    for (const worker_transition &t : worker_transitions())
      if (found.count(t.from) != 0) found.insert(t.to);
  }
  return found;
}

TEST(state, every_state_can_be_reached_from_registered) {
  const std::set<s> found = reachable_from(s::registered);
  for (int i = 0; i < state_count; ++i)
    EXPECT_EQ(found.count(state_at(i)), 1u) << name_of(state_at(i));
}

TEST(state, no_state_is_a_dead_end) {
  for (int i = 0; i < state_count; ++i)
    EXPECT_EQ(reachable_from(state_at(i)).count(s::running), 1u) << name_of(state_at(i));
}

TEST(state, every_event_happens_in_some_state) {
  std::set<e> found;
  for (const worker_transition &t : worker_transitions()) found.insert(t.event);
  EXPECT_EQ(found.size(), static_cast<std::size_t>(event_count));
}

TEST(state, a_process_is_there_or_on_its_way_in_four_states) {
  for (int i = 0; i < state_count; ++i) {
    const s state = state_at(i);
    EXPECT_EQ(is_active(state), state == s::starting || state == s::running ||
                                    state == s::unresponsive || state == s::stopping)
        << name_of(state);
  }
}

TEST(state, all_states_are_among_the_samples) {
  std::set<s> all;
  for (const s state : samples::all_worker_states) all.insert(state);
  EXPECT_EQ(all.size(), static_cast<std::size_t>(state_count));
  for (int i = 0; i < state_count; ++i)
    EXPECT_EQ(all.count(state_at(i)), 1u) << name_of(state_at(i));
}

TEST(state, a_process_ends_before_its_worker_is_set_aside) {
  for (const worker_transition &t : worker_transitions())
    if (t.event == e::disable || t.event == e::quarantine || t.event == e::back_off) {
      EXPECT_FALSE(is_active(t.from)) << name_of(t.from);
    }
}

// To set a worker aside, its process is ended first, if there is one.
s set_aside(s state, e why) {
  state = next(state, e::stop).value_or(state);
  if (is_active(state)) state = next(state, e::exit_ok).value_or(state);
  return next(state, why).value_or(state);
}

TEST(state, every_worker_can_be_quarantined) {
  for (int i = 0; i < state_count; ++i)
    EXPECT_EQ(set_aside(state_at(i), e::quarantine), s::quarantined) << name_of(state_at(i));
}

// Including a worker that was disabled in quarantine, and then released.
TEST(state, every_worker_can_be_disabled) {
  for (int i = 0; i < state_count; ++i)
    EXPECT_EQ(set_aside(state_at(i), e::disable), s::disabled) << name_of(state_at(i));
}

TEST(state, what_is_set_aside_begins_anew) {
  for (const s from : {s::disabled, s::quarantined}) {
    EXPECT_EQ(next(from, e::start), std::nullopt) << name_of(from);
    EXPECT_EQ(next(from, e::reset), s::registered) << name_of(from);
  }
}

TEST(state, only_one_that_has_ended_backs_off) {
  for (const worker_transition &t : worker_transitions())
    if (t.event == e::back_off) {
      EXPECT_TRUE(t.from == s::stopped || t.from == s::failed) << name_of(t.from);
    }
  EXPECT_EQ(next(s::backoff, e::start), s::starting);
}

TEST(state, a_silent_worker_may_do_all_that_a_running_one_may) {
  for (int i = 0; i < event_count; ++i)
    if (event_at(i) != e::fall_silent && event_at(i) != e::recover && event_at(i) != e::resume) {
      EXPECT_EQ(next(s::unresponsive, event_at(i)), next(s::running, event_at(i)))
          << name_of(event_at(i));
    }
}

TEST(state, only_a_start_makes_an_idle_worker_active) {
  for (const worker_transition &t : worker_transitions())
    if (!is_active(t.from) && is_active(t.to)) {
      EXPECT_EQ(t.event, e::start) << name_of(t.from);
      EXPECT_EQ(t.to, s::starting);
    }
}

TEST(state, states_and_events_have_their_names) {
  const char *const states[] = {"registered", "starting",    "running",     "stopping",
                                "stopped",    "failed",      "backoff",     "waiting",
                                "disabled",   "quarantined", "unresponsive"};
  for (int i = 0; i < state_count; ++i) EXPECT_EQ(name_of(state_at(i)), states[i]);
  const char *const events[] = {"start",      "no slot",     "postpone", "come up",
                                "lost",       "stop",        "exit 0",   "other exit",
                                "reset",      "back off",    "give up",  "disable",
                                "quarantine", "fall silent", "recover",  "resume"};
  for (int i = 0; i < event_count; ++i) EXPECT_EQ(name_of(event_at(i)), events[i]);
  const char *const extensions[] = {"pending", "provisioned", "failed", "quarantined", "unloaded"};
  for (int i = 0; i < 5; ++i) EXPECT_EQ(name_of(static_cast<extension_state>(i)), extensions[i]);
  const char *const allocations[] = {"registered", "allocated", "draining", "failed"};
  for (int i = 0; i < 4; ++i) EXPECT_EQ(name_of(static_cast<allocation_state>(i)), allocations[i]);
}

TEST(state, names_differ_and_are_known) {
  std::set<std::string_view> names;
  for (int i = 0; i < state_count; ++i) names.insert(name_of(state_at(i)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(state_count));
  names.clear();
  for (int i = 0; i < event_count; ++i) names.insert(name_of(event_at(i)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(event_count));
  EXPECT_EQ(name_of(state_at(state_count)), "unknown");
  EXPECT_EQ(name_of(event_at(event_count)), "unknown");
}

TEST(state, the_diagram_has_a_line_for_each_transition) {
  const std::string diagram = worker_state_diagram();
  EXPECT_EQ(diagram.rfind("stateDiagram-v2\n    [*] --> registered\n", 0), 0u);
  EXPECT_NE(diagram.find("\n    running --> failed : other exit\n"), std::string::npos);
  for (const auto &[from, to] : expected) {
    const std::string line = "\n    " + std::string(name_of(from.first)) + " --> " +
                             std::string(name_of(to)) + " : " + std::string(name_of(from.second)) +
                             "\n";
    EXPECT_NE(diagram.find(line), std::string::npos) << line;
  }
  EXPECT_EQ(std::count(diagram.begin(), diagram.end(), '\n'),
            static_cast<std::ptrdiff_t>(2 + expected.size()));
}

TEST(state, a_value_from_nowhere_has_a_name_too) {
  EXPECT_EQ(name_of(static_cast<worker_state>(200)), "unknown");
  EXPECT_EQ(name_of(static_cast<worker_event>(200)), "unknown");
  EXPECT_EQ(name_of(static_cast<extension_state>(200)), "unknown");
  EXPECT_EQ(name_of(static_cast<allocation_state>(200)), "unknown");
}

}  // namespace
}  // namespace dynpgext::model
