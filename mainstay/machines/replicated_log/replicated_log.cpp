#include "mainstay/machines/replicated_log/replicated_log.hpp"

#include <algorithm>
#include <utility>

#include "mainstay/base/fields.hpp"
#include "mainstay/machines/replicated_log/operation.hpp"
#include "mainstay/seams/machine_image.hpp"

namespace mainstay {

using namespace replicated_log_format;

namespace {

constexpr std::size_t block_records = 256;
constexpr std::string_view kind_of_image = "replicated_log";

shared_bytes as_bytes(std::uint64_t number) { return field_writer().number(number).bytes(); }

}  // namespace

/// What is refused has no answer.
result<shared_bytes> replicated_log::apply(const applied_command& command) {
  field_reader fields(command.payload.text());
  const auto kind = fields.number();
  const auto first = fields.number();
  if (kind == trim && fields.is_whole()) return as_bytes(drop(size_ - std::min(size_, first)));
  const record_id wanted{first, fields.number()};
  const auto content = fields.text();
  const auto id = next_id(kind, wanted, command.time);
  if (!fields.is_whole() || !id || content.size() > longest_record) return shared_bytes();
  add({*id, std::string(content)});
  ++position_;
  return field_writer().number(id->milliseconds).number(id->sequence).number(position_).bytes();
}

/// Greater than the last one, whatever the time; none when what is wanted is not.
std::optional<record_id> replicated_log::next_id(std::uint64_t kind, record_id wanted,
                                                 log_time when) const {
  if (kind == at_id) return wanted > last_ ? std::optional(wanted) : std::nullopt;
  if (kind == now) {
    const auto time = static_cast<std::uint64_t>(std::max<std::int64_t>(when.microseconds, 0));
    wanted.milliseconds = std::max(time / 1000, last_.milliseconds);
  } else if (kind != at_time || wanted.milliseconds < last_.milliseconds) {
    return std::nullopt;
  }
  if (wanted.milliseconds > last_.milliseconds) return record_id{wanted.milliseconds, 0};
  if (last_.sequence + 1 == 0) return std::nullopt;
  return record_id{wanted.milliseconds, last_.sequence + 1};
}

void replicated_log::add(log_record record) {
  last_ = record.id;
  ++size_;
  open_.push_back(std::move(record));
  if (open_.size() == block_records) seal();
}

/// From now on the newest block is shared with copies, so that the next record begins another one.
void replicated_log::seal() {
  if (!open_.empty()) sealed_.push_back(std::make_shared<const block>(std::exchange(open_, {})));
}

std::uint64_t replicated_log::drop(std::uint64_t records) {
  size_ -= records;
  dropped_ += records;
  while (!sealed_.empty() && dropped_ >= sealed_.front()->size()) {
    dropped_ -= sealed_.front()->size();
    sealed_.pop_front();
  }
  if (sealed_.empty()) {
    open_.erase(open_.begin(), open_.begin() + static_cast<std::ptrdiff_t>(dropped_));
    dropped_ = 0;
  }
  return records;
}

replicated_log replicated_log::freeze() {
  seal();
  return *this;
}

/// Calls `visit(record)` from the first one whose id is not less, until it returns false.
template <class Visit>
void replicated_log::visit_from(record_id from, Visit visit) const {
  const auto is_before = [&](const auto& b) { return b->back().id < from; };
  auto at = std::ranges::partition_point(sealed_, is_before);
  const auto visit_block = [&](const block& b, std::size_t skipped) {
    const auto begin = b.begin() + static_cast<std::ptrdiff_t>(skipped);
    return std::all_of(std::ranges::lower_bound(begin, b.end(), from, {}, &log_record::id), b.end(),
                       visit);
  };
  for (; at != sealed_.end(); ++at) {
    if (!visit_block(**at, at == sealed_.begin() ? dropped_ : 0)) return;
  }
  visit_block(open_, 0);
}

result<shared_bytes> replicated_log::query(const shared_bytes& request) const {
  field_reader fields(request.text());
  const auto kind = fields.number();
  if (kind == count && fields.is_whole()) return as_bytes(size_);
  const record_id from{fields.number(), fields.number()};
  const record_id to{fields.number(), fields.number()};
  auto left = fields.number();
  if (kind != range || !fields.is_whole() || left == 0) return shared_bytes();
  field_writer found;
  visit_from(from, [&](const log_record& r) {
    const bool fits =
        found.view().empty() || found.view().size() + r.content.size() <= longest_answer;
    if (r.id > to || !fits) return false;
    found.number(r.id.milliseconds).number(r.id.sequence).text(r.content);
    return --left > 0;
  });
  return found.bytes();
}

result<void> replicated_log::save(const snapshot_writer& writer) const {
  image_writer image(writer, kind_of_image, 1);
  for (const auto number : {position_, last_.milliseconds, last_.sequence, size_}) {
    image.number(number);
  }
  visit_from(first_record, [&](const log_record& r) {
    image.number(r.id.milliseconds);
    image.number(r.id.sequence);
    image.text(r.content);
    return true;
  });
  return image.finish();
}

result<void> replicated_log::restore(const snapshot_reader& reader) {
  image_reader image(reader, kind_of_image, 1);
  replicated_log saved;
  saved.position_ = image.number();
  const record_id newest{image.number(), image.number()};
  for (auto left = image.number(); image.is_sound() && left > 0; --left) {
    const record_id id{image.number(), image.number()};
    if (id <= saved.last_ || id > newest) image.refuse("the records of a log are out of order");
    saved.add({id, image.text(longest_record)});
  }
  saved.last_ = newest;
  if (image.is_sound()) *this = std::move(saved);
  return image.outcome();
}

}  // namespace mainstay
