//! What a mode of chmod makes of the bits of a file.

/// The bits after `mode`; nothing where it is not surely understood. What a umask would take from `+x` counts as given.
pub(super) fn after(mode: &str, now: u32) -> Option<u32> {
    if !mode.is_empty() && mode.chars().all(|c| c.is_digit(8)) {
        return u32::from_str_radix(mode, 8).ok().filter(|bits| *bits <= 0o7777);
    }
    mode.split(',').try_fold(now, |bits, clause| clause_after(clause, bits))
}

/// One clause with one operator: `u=rw`, `go-w`, `+x`.
fn clause_after(clause: &str, now: u32) -> Option<u32> {
    let (who, rest) = clause.split_at(clause.find(['+', '-', '='])?);
    let (operator, what) = rest.split_at_checked(1)?;
    let of_whom = |c| match c {
        'u' => Some(0o700),
        'g' => Some(0o070),
        'o' => Some(0o007),
        'a' => Some(0o777),
        _ => None,
    };
    let whose = who.chars().try_fold(0, |all, c| Some(all | of_whom(c)?))?;
    let whose = if who.is_empty() { 0o777 } else { whose };
    let of_what = |c| match c {
        'r' => Some(0o444),
        'w' => Some(0o222),
        'x' => Some(0o111),
        'X' if now & 0o111 != 0 => Some(0o111),
        'X' => Some(0),
        _ => None,
    };
    let named = whose & what.chars().try_fold(0, |all, c| Some(all | of_what(c)?))?;
    match operator {
        "+" => Some(now | named),
        "-" => Some(now & !named),
        _ => Some(now & !whose | named),
    }
}

#[cfg(test)]
mod tests {
    use super::after;

    #[test]
    fn a_mode_makes_bits_of_bits() {
        for (mode, now, then) in [
            ("644", 0o600, 0o644),
            ("0755", 0o644, 0o755),
            ("4755", 0o755, 0o4755),
            ("+x", 0o644, 0o755),
            ("a+r", 0o600, 0o644),
            ("u=rw,go=r", 0o777, 0o644),
            ("go-rwx", 0o755, 0o700),
            ("o=", 0o755, 0o750),
            ("go+X", 0o600, 0o600),
            ("a+X", 0o700, 0o711),
            ("u+w,g-w", 0o464, 0o644),
        ] {
            assert_eq!(after(mode, now), Some(then), "{mode} of {now:o}");
        }
        for mode in ["", "u", "o=u", "u+s", "+t", "u+r-w", "u+r,", "u+rx+w", "99", "77777", "x+r", "=é"] {
            assert_eq!(after(mode, 0o644), None, "{mode}");
        }
    }
}
