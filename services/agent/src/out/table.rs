//! A list as a table, for a person.

use comfy_table::{ContentArrangement, Table, presets};

use super::Row;

/// Where nothing says how wide the window is.
const WIDTH: u16 = 100;

pub(super) fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    if table.width().is_none() {
        table.set_width(WIDTH);
    }
    let Some(first) = rows.first() else {
        return String::new();
    };
    let headings: Vec<&str> = first.facts.iter().filter_map(|fact| fact.column).collect();
    table.set_header(headings);
    for row in rows {
        let cells: Vec<String> = row
            .facts
            .iter()
            .filter(|fact| fact.column.is_some())
            .map(|fact| fact.words.replace('\n', " "))
            .collect();
        table.add_row(cells);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_one_line_per_thing_and_no_frame() {
        let row = |n: &str| {
            Row::new()
                .text("id", "ID", n)
                .text("name", "NAME", "Aino\nKorhonen")
                .more("x", 1, "hidden")
        };
        let table = table(&[row("a1"), row("b2")]);
        assert_eq!(table, "ID  NAME\na1  Aino Korhonen\nb2  Aino Korhonen");
    }
}
