-- Whatever stood in a home once: what was down of it is looked up with the days of the home.
CREATE INDEX watch_gateway_home ON watch_gateway (home_no);
