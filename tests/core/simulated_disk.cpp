#include "tests/core/simulated_disk.hpp"

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace mainstay::core_test {

std::uint64_t chain(std::uint64_t before, const core::entry& e) {
  std::uint64_t hash = before;
  const auto mix = [&hash](std::uint64_t value) {
    hash = random_generator(hash ^ value).next() + 0x632be59bd9b4e019ULL;
  };
  mix(e.index.value());
  mix(e.term.value());
  mix(static_cast<std::uint64_t>(e.kind));
  mix(static_cast<std::uint64_t>(e.time.microseconds));
  mix(std::hash<std::string_view>{}(e.payload.text()));
  return hash;
}

void simulated_disk::write(core::persist_batch batch) {
  if (busy()) throw std::logic_error("the core handed out a second batch before the first's end");
  pending_ = std::move(batch);
}

std::uint64_t simulated_disk::complete() {
  const std::uint64_t sequence = pending_->sequence;
  crash(pending_->entries.size() + 2);
  return sequence;
}

std::uint64_t simulated_disk::refuse() {
  const std::uint64_t sequence = pending_->sequence;
  pending_.reset();
  return sequence;
}

void simulated_disk::crash(std::size_t steps) {
  if (!pending_) return;
  core::persist_batch batch = *std::exchange(pending_, std::nullopt);
  if (steps > 0 && batch.has_hard_state) state_ = batch.state;
  if (steps > 1 && batch.truncate_from) truncate_from(batch.truncate_from);
  if (steps > 1 && batch.reset_to) {
    if (!snapshot_ || snapshot_->id.last_included_index != batch.reset_to->first) {
      throw std::logic_error("the core resets the log to a snapshot that is not there");
    }
    base_ = *batch.reset_to;
    entries_.clear();
    hashes_.reset(base_.first, snapshot_hash_);
  }
  for (std::size_t i = 0; i + 2 < steps && i < batch.entries.size(); ++i) {
    preload(std::move(batch.entries[i]));
  }
}

void simulated_disk::truncate_from(log_index from) {
  if (from > last_index()) return;
  entries_.resize(from - base_.first - 1);
  hashes_.truncate_from(from);
}

void simulated_disk::preload(core::entry e) {
  if (e.index != last_index().next()) {
    throw std::logic_error("the core wrote index " + std::to_string(e.index.value()) + " after " +
                           std::to_string(last_index().value()));
  }
  hashes_.append(e);
  entries_.push_back(std::move(e));
}

core::snapshot simulated_disk::save(const core::snapshot_contents& contents,
                                    std::vector<std::string> applied, image_library& library) {
  const std::uint64_t hash = hashes_.at(contents.last_included_index);
  const core::snapshot saved = library.add(contents, {std::move(applied), hash});
  const bool is_newest =
      !snapshot_ || contents.last_included_index > snapshot_->id.last_included_index;
  if (is_newest) {
    snapshot_ = saved;
    snapshot_hash_ = hash;
  }
  return saved;
}

void simulated_disk::compact(log_index index) {
  if (index <= base_.first) return;
  if (!snapshot_ || index > snapshot_->id.last_included_index) {
    throw std::logic_error("the core compacts what no snapshot covers");
  }
  base_ = {index, at(index).term};
  const auto kept = std::ranges::find_if(entries_, [&](const auto& e) { return e.index > index; });
  entries_.erase(entries_.begin(), kept);
}

std::uint64_t simulated_disk::receive(const core::snapshot_chunk& chunk) {
  if (incoming_ != chunk.image) {
    incoming_ = chunk.image;
    received_ = 0;
  }
  if (chunk.offset == received_) received_ += chunk.data.size();
  return received_;
}

const core::snapshot& simulated_disk::install(const core::snapshot_id& id,
                                              const image_library& library) {
  if (!is_whole(id)) throw std::logic_error("the core installs an image that is not whole");
  const core::snapshot& installed = library.describe(id);
  if (!snapshot_ || id.last_included_index > snapshot_->id.last_included_index) {
    snapshot_ = installed;
    snapshot_hash_ = library.state(id).log_hash;
  }
  return installed;
}

core::snapshot image_library::add(const core::snapshot_contents& contents, saved_state state) {
  std::string bytes = "image\n";
  std::uint64_t digest = state.log_hash;
  for (const auto& line : state.applied) {
    bytes += line + "\n";
    digest = std::hash<std::string>{}(line) ^ (digest * 31);
  }
  if (digest % 3 == 0) bytes.resize(40'000, '.');  // of several chunks
  const core::snapshot made{
      {contents.last_included_index, contents.last_included_term, bytes.size(), digest},
      contents.time,
      contents.configuration};
  const bool is_known =
      std::ranges::any_of(images_, [&](const auto& i) { return i.snapshot.id == made.id; });
  if (!is_known) images_.push_back({made, std::move(state), std::move(bytes)});
  return made;
}

const image_library::image& image_library::find(const core::snapshot_id& id) const {
  const auto found =
      std::ranges::find_if(images_, [&](const auto& i) { return i.snapshot.id == id; });
  if (found == images_.end()) throw std::logic_error("an image that nobody has saved");
  return *found;
}

std::vector<core::entry> simulated_disk::read(const core::log_read_request& request) const {
  std::vector<core::entry> found;
  if (request.first <= base_.first) return found;  // compacted meanwhile
  std::uint64_t bytes = 0;
  for (log_index i = request.first; i <= std::min(request.last, last_index()); i = i.next()) {
    bytes += core::size_of(at(i));
    if (!found.empty() && bytes > request.max_bytes) break;
    found.push_back(at(i));
  }
  return found;
}

core::initial_state simulated_disk::recover(std::uint64_t tail_bytes) const {
  core::initial_state recovered{
      .hard_state = state_, .snapshot = snapshot_, .base = base_, .last_index = last_index()};
  for (const auto& e : entries_) {
    if (recovered.term_runs.empty() || recovered.term_runs.back().term != e.term) {
      recovered.term_runs.push_back({e.index, e.term});
    }
    if (e.kind == core::entry_kind::configuration) recovered.configurations.push_back(e);
  }
  std::uint64_t bytes = 0;
  auto first = entries_.end();
  while (first != entries_.begin() && bytes + core::size_of(*(first - 1)) <= tail_bytes) {
    --first;
    bytes += core::size_of(*first);
  }
  recovered.tail.assign(first, entries_.end());
  return recovered;
}

}  // namespace mainstay::core_test
