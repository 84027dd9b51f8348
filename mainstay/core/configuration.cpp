#include "mainstay/core/configuration.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

namespace mainstay::core {

namespace {

constexpr std::uint8_t format_version = 2;
constexpr std::uint8_t oldest_version = 1;  // without change, joining, priorities and promotion
constexpr std::uint8_t promote_flag = 1;
constexpr std::size_t max_members = 64;
constexpr std::size_t max_address = 255;

bool has(const std::vector<member>& list, node_id id) {
  return std::ranges::any_of(list, [id](const member& m) { return m.id == id; });
}

result<void> check_list(const std::vector<member>& list, const char* name) {
  if (list.size() > max_members) {
    return fail(error_code::invalid_argument,
                std::string(name) + " has more than 64 members: " + std::to_string(list.size()));
  }
  node_id before;
  for (const auto& m : list) {
    if (!(before < m.id)) {
      return fail(error_code::invalid_argument,
                  std::string(name) + " must list ids above 0 in rising order, each once; found " +
                      std::to_string(m.id.value()));
    }
    if (m.address.size() > max_address) {
      return fail(error_code::invalid_argument, std::string(name) + ": the address of node " +
                                                    std::to_string(m.id.value()) +
                                                    " is longer than 255 bytes");
    }
    before = m.id;
  }
  return {};
}

result<void> check_voters(const std::vector<member>& list, const char* name) {
  if (auto ok = check_list(list, name); !ok) return ok;
  for (const auto& m : list) {
    if (!m.promote) continue;
    return fail(error_code::invalid_argument, std::string(name) + ": node " +
                                                  std::to_string(m.id.value()) +
                                                  " votes, so it cannot be promoted");
  }
  return {};
}

void put_number(std::vector<std::byte>& out, std::uint64_t value) {
  for (unsigned shift = 0; shift < 64; shift += 8)
    out.push_back(std::byte((value >> shift) & 0xff));
}

void put_list(std::vector<std::byte>& out, const std::vector<member>& list) {
  out.push_back(std::byte(list.size()));
  for (const auto& m : list) {
    put_number(out, m.id.value());
    put_number(out, m.joined.value());
    out.push_back(std::byte{m.priority});
    out.push_back(std::byte{m.promote ? promote_flag : std::uint8_t{0}});
    out.push_back(std::byte(m.address.size()));
    const auto text = std::as_bytes(std::span(m.address));
    out.insert(out.end(), text.begin(), text.end());
  }
}

/// Reads bytes in order; `ok` turns false at the first that is missing.
struct cursor {
  std::span<const std::byte> rest;
  bool ok = true;

  std::span<const std::byte> take(std::size_t n) {
    if (rest.size() < n) ok = false;
    if (!ok) return {};
    const auto taken = rest.first(n);
    rest = rest.subspan(n);
    return taken;
  }
  std::uint8_t byte() {
    const auto b = take(1);
    return ok ? std::to_integer<std::uint8_t>(b[0]) : std::uint8_t{0};
  }
  std::uint64_t number() {
    std::uint64_t value = 0;
    unsigned shift = 0;
    for (const auto b : take(8)) {
      value |= std::to_integer<std::uint64_t>(b) << shift;
      shift += 8;
    }
    return value;
  }
};

std::vector<member> get_list(cursor& in, std::uint8_t version) {
  std::vector<member> list;
  for (auto left = in.byte(); in.ok && left > 0; --left) {
    member m;
    m.id = node_id(in.number());
    if (version > oldest_version) {
      m.joined = log_index(in.number());
      m.priority = in.byte();
      const auto flags = in.byte();
      m.promote = flags == promote_flag;
      if (flags > promote_flag) in.ok = false;
    }
    const auto text = in.take(in.byte());
    m.address.assign(reinterpret_cast<const char*>(text.data()), text.size());
    list.push_back(std::move(m));
  }
  return list;
}

}  // namespace

bool configuration::is_voter(node_id id) const {
  return has(voters, id) || has(outgoing_voters, id);
}

bool configuration::contains(node_id id) const { return is_voter(id) || has(learners, id); }

std::vector<member> configuration::members() const {
  std::vector<member> all = voters;
  for (const auto* list : {&outgoing_voters, &learners}) {
    for (const auto& m : *list) {
      if (!has(all, m.id)) all.push_back(m);
    }
  }
  std::ranges::sort(all, {}, &member::id);
  return all;
}

configuration promotion_of(const configuration& current, member learner) {
  configuration next = current;
  next.outgoing_voters = current.voters;
  std::erase_if(next.learners, [&](const member& m) { return m.id == learner.id; });
  learner.promote = false;
  const auto place = std::ranges::lower_bound(next.voters, learner.id, {}, &member::id);
  next.voters.insert(place, std::move(learner));
  return next;
}

configuration first_step(const configuration& current, const configuration_change& change,
                         log_index index) {
  configuration next{.voters = change.voters,
                     .outgoing_voters = {},
                     .learners = change.learners,
                     .change_id = change.change_id};
  const bool same_voters =
      std::ranges::equal(current.voters, change.voters, {}, &member::id, &member::id);
  if (!same_voters) next.outgoing_voters = current.voters;
  const auto before = current.members();
  for (auto* list : {&next.voters, &next.learners}) {
    for (auto& m : *list) {
      const auto known = std::ranges::find(before, m.id, &member::id);
      m.joined = known == before.end() ? index : known->joined;
    }
  }
  return next;
}

result<void> check(const configuration& c) {
  if (c.voters.empty()) return fail(error_code::invalid_argument, "voters must not be empty");
  if (auto ok = check_voters(c.voters, "voters"); !ok) return ok;
  if (auto ok = check_voters(c.outgoing_voters, "outgoing_voters"); !ok) return ok;
  if (auto ok = check_list(c.learners, "learners"); !ok) return ok;
  for (const auto& m : c.learners) {
    if (has(c.voters, m.id)) {
      return fail(error_code::invalid_argument,
                  "node " + std::to_string(m.id.value()) + " is both voter and learner");
    }
  }
  const auto stands = [](const member& m) { return m.priority != 0; };
  if (std::ranges::none_of(c.voters, stands)) {
    return fail(error_code::invalid_argument,
                "voters: at least one needs a priority above 0, or nobody stands for election");
  }
  return {};
}

shared_bytes encode(const configuration& c) {
  std::vector<std::byte> out{std::byte{format_version}};
  put_number(out, c.change_id);
  put_list(out, c.voters);
  put_list(out, c.outgoing_voters);
  put_list(out, c.learners);
  return shared_bytes::copy_of(out);
}

result<configuration> decode_configuration(std::span<const std::byte> bytes) {
  cursor in{bytes};
  const auto version = in.byte();
  if (in.ok && (version < oldest_version || version > format_version)) {
    return fail(error_code::malformed,
                "configuration: unknown format version " + std::to_string(version));
  }
  configuration c;
  if (version > oldest_version) c.change_id = in.number();
  c.voters = get_list(in, version);
  c.outgoing_voters = get_list(in, version);
  c.learners = get_list(in, version);
  if (!in.ok) {
    return fail(error_code::malformed,
                "configuration: it ends too early, or has flags that are not known");
  }
  if (!in.rest.empty()) {
    return fail(error_code::malformed,
                "configuration: " + std::to_string(in.rest.size()) + " bytes too many at its end");
  }
  if (auto ok = check(c); !ok) {
    return fail(error_code::malformed, "configuration: " + ok.error().message);
  }
  return c;
}

}  // namespace mainstay::core
