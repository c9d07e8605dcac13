#include "hosting/files.h"

#include "hosting/disk_files.h"
#include "model/instance_files.h"

namespace dynpgext::hosting {
namespace {

struct standing {
  bool is_newest;
  bool outlives_keeper;  // sessions have it until they end
};

// At the exit of this process, by place.
constinit bool is_exiting = false;
constinit standing at_exit[most_in_process] = {};

// The caller holds the lock.  A later instance has the lasting files as soon as it has memory; it
// reads them then.  An instance for a database ends with them, since the database may be dropped.
standing standing_of(block &b, const library &l) {
  const instance *mine = find_instance(b, l.number());
  const bool is_leaving = mine == nullptr || mine->state == instance_state::leaving;
  const bool has_successor =
      std::any_of(std::begin(b.instances), std::end(b.instances), [&l](const instance &i) {
        return (i.state == instance_state::asked || i.state == instance_state::hosted) &&
               i.size > 0 && i.number > l.number() && i.database == l.database() &&
               i.library.view() == l.name();
      });
  return {!has_successor && !(is_leaving && OidIsValid(l.database())),
          is_leaving || mine->makes_way};
}

standing standing_now(const library &l) noexcept {
  if (is_exiting) return at_exit[l.place()];
  standing result{};
  const int saved = errno;
  (void)pg::swallow("looking for other instances of a hosted library", [&] {
    state::shared &s = state::attach();
    block &b = require_block(s);
    const state::reading lock(s);
    result = standing_of(b, l);
  });
  errno = saved;
  return result;
}

void note_at_exit(int, Datum) {
  pg::begin_exit();
  (void)pg::swallow("leaving the files of hosted libraries", [] {
    state::shared *s = state::attached();
    block *b = s == nullptr ? nullptr : find_block(*s);
    if (b == nullptr) return;
    const state::reading lock(*s);
    for (int place = 0; place < most_in_process; ++place)
      if (const library *l = library_at(place)) at_exit[place] = standing_of(*b, *l);
  });
  is_exiting = true;
}

}  // namespace

own_path::own_path(const library &l, const char *path) noexcept : path_(path) {
  if (path == nullptr) return;
  std::string_view inside = path;
  const std::string_view folder = DataDir;
  if (inside.starts_with(folder) && inside.substr(folder.size()).starts_with('/'))
    inside.remove_prefix(folder.size() + 1);
  const model::file_kind kind = model::kind_of_file(inside);
  if (kind == model::file_kind::common) return;
  const bool is_lasting = kind == model::file_kind::lasting;
  const bool asks = is_lasting || is_exiting;
  const standing mine = asks ? standing_now(l) : standing{};
  is_kept_ = !is_lasting && is_exiting && l.is_keeper && mine.outlives_keeper;
  model::write_own_path(inside, {l.number(), l.database(), l.name(), mine.is_newest}, buffer_);
  path_ = buffer_;
}

void watch_files() {
  static constinit bool is_watched = false;
  if (is_watched) return;
  pg::call([] { before_shmem_exit(note_at_exit, 0); });
  is_watched = true;
}

void remove_left_files(state::shared &s, uint64 number) {
  block &b = require_block(s);
  for (const uint64 n : owners_of_passing_files()) {
    bool is_of_this_run = false;
    if (n != number) {
      const state::reading lock(s);  // each time: other instances are being made
      is_of_this_run = n < b.next_number;
    }
    if (!is_of_this_run) remove_passing_files(n);
  }
}

}  // namespace dynpgext::hosting
